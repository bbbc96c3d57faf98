"""Kill -9 during indexing, twenty times: no acknowledged image is lost, none is there twice, the end is the same.

A run is killed a random moment after its first, second or third acknowledged batch, and started again. In the end the
store holds what a run that nobody disturbed holds, to the last bit. With `--slides` it is the windows of three slides
that are acknowledged, and tiles and windows that are compared.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

import crosslight
from crosslight.config import NetworkConfig, preset
from crosslight.pipeline.fit import fit_pairs
from crosslight.read.pairs import find_pairs

N_KILLS, N_IMAGES, SIDE_PX, TRAINING_PX = 20, 1200, 64, 200
N_SLIDES, SLIDE_PX, TILE_CELLS = 3, 2304, 48
RUN = """
import sys
import crosslight

def report(done, total, label):
    if label == "indexing":
        print(int(done), flush=True)

images, model, out = sys.argv[1:]
crosslight.Index.build([images], model, modality="A", out=out, device="cpu", progress=report).close()
"""

RUN_SLIDES = f"""
import sys
import crosslight
from crosslight.config import IndexConfig, SlideConfig

def report(done, total, label):
    if label.startswith("representing: "):
        print(label.split()[-1], int(done), int(total), flush=True)

images, model, out = sys.argv[1:]
slides = SlideConfig(window_cells={TILE_CELLS}, tile_cells={TILE_CELLS}, histogram_px=256, background="keep")
crosslight.Index.build(
    [images], model, modality="A", out=out, config=IndexConfig(slides=slides), device="cpu", progress=report
).close()
"""


def make_images(folder: Path) -> None:
    for side in ("A", "pairs/A", "pairs/B"):
        (folder / side).mkdir(parents=True)
    for i in range(N_IMAGES):
        cv2.imwrite(str(folder / "A" / f"{i:05d}.png"), make_tone(i, SIDE_PX))
    for i in range(4):
        tone = make_tone(i, TRAINING_PX)
        cv2.imwrite(str(folder / "pairs" / "A" / f"{i}.png"), tone)
        cv2.imwrite(str(folder / "pairs" / "B" / f"{i}.png"), 255 - tone)


def make_tone(seed: int, side: int) -> np.ndarray:
    """Return smooth noise."""
    noise = np.random.default_rng(seed).standard_normal((side, side)).astype(np.float32)
    return np.clip(127 + 1100 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)


def make_model(folder: Path) -> None:
    """Train for one step: what is found does not matter here."""
    config = preset("default")
    config = replace(
        config,
        start="random",
        network=NetworkConfig(n_channels=2, widths=(8, 16), stride=4),
        optimizer=replace(config.optimizer, n_pairs=2, warmup_steps=1, steps=1),
    )
    fit_pairs(
        find_pairs(folder / "pairs" / "A", folder / "pairs" / "B").part("train"),
        folder / "model",
        config=config,
        device="cpu",
    )


def make_slides(folder: Path) -> None:
    """Write small images of the kind that is read in regions."""
    import zarr

    for i in range(N_SLIDES):
        group = zarr.create_group(store=str(folder / "slides" / f"slide{i}.zarr"), zarr_format=3)
        group.create_array("0", data=make_tone(100 + i, SLIDE_PX), chunks=(256, 256))
        axes = [{"name": axis, "type": "space"} for axis in "yx"]
        datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}]
        group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}


def start(folder: Path, out: Path, program: str = RUN, images: str = "A") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(folder / images), str(folder / "model"), str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def contents(out: Path) -> dict[str, tuple[object, bytes]]:
    found: dict[str, tuple[object, bytes]] = {}
    with crosslight.Index.open(out, device="cpu") as index:
        for entries, vectors, _ in index.store.contents():
            for entry, vector in zip(entries, vectors, strict=True):
                assert entry.name not in found
                order = np.argsort(vector.words)
                found[entry.name] = entry, vector.words[order].tobytes() + vector.counts[order].tobytes()
        assert len(found) == index.count()
    return found


def kill_once(folder: Path, out: Path, rng: random.Random) -> tuple[int, int]:
    """Start, kill, and return how many images the run acknowledged, and -1 or its status if it was faster."""
    run, seen = start(folder, out), []
    assert run.stdout is not None
    for _ in range(rng.randint(1, 3)):
        line = run.stdout.readline()
        if line:
            seen.append(int(line))
    time.sleep(rng.random() * 0.05)
    run.kill()
    rest = run.communicate()[0].split()
    return max([*seen, *map(int, rest)], default=0), run.returncode


def tiles_of(out: Path) -> dict[str, dict[tuple[int, int, int], bytes]]:
    """Return the tiles there are of every slide, finished or not, by level, row and column."""
    found = {}
    for facts in out.glob("slides/??/*/facts.json"):
        paths = [p for p in facts.parent.glob("*/*/*.npy") if p.stat().st_size]
        places = {(int(p.parts[-3]), int(p.parts[-2]), int(p.stem)): p.read_bytes() for p in paths}
        found[json.loads(facts.read_text())["entry"]["name"]] = places
    return found


def windows_of(out: Path) -> dict[str, bytes]:
    """Return the windows that the store of windows holds."""
    found = {}
    with crosslight.Index.open(out, device="cpu") as index:
        for entries, vectors, _ in index.open_windows().contents():
            for entry, vector in zip(entries, vectors, strict=True):
                assert entry.name not in found
                order = np.argsort(vector.words)
                found[entry.name] = vector.words[order].tobytes() + vector.counts[order].tobytes()
        assert index.count() == N_SLIDES
    return found


def kill_among_slides(folder: Path, rng: random.Random) -> None:
    """Kill while the windows of slides are represented; print and judge what is left."""
    out, lost, done = folder / "killed", 0, 0
    for number in range(N_KILLS):
        run = start(folder, out, RUN_SLIDES, "slides")
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(rng.randint(1, 12))]
        time.sleep(rng.random() * 0.05)
        run.kill()
        lines += run.communicate()[0].splitlines()
        there = {name: sum(level == 0 for level, _, _ in tiles) for name, tiles in tiles_of(out).items()}
        n_windows = (SLIDE_PX // (4 * TILE_CELLS)) ** 2
        for name, acknowledged, wanted in (line.split() for line in lines if len(line.split()) == 3):
            lost += max(0, n_windows - int(wanted) + int(acknowledged) - there.get(name, 0))
        lost += max(0, done - sum(there.values()))
        done = sum(there.values())
        print(f"kill {number + 1:2d}: {len(lines)} windows acknowledged, {done} there in all", flush=True)
    assert start(folder, out, RUN_SLIDES, "slides").wait() == 0
    assert start(folder, folder / "undisturbed", RUN_SLIDES, "slides").wait() == 0
    same = all(of(out) == of(folder / "undisturbed") for of in (tiles_of, windows_of))
    print(f"{N_KILLS} kills, {lost} acknowledged windows lost; the same as an undisturbed index: {same}")
    if lost or not same:
        sys.exit(1)


def kill_among_images(folder: Path, rng: random.Random) -> None:
    """Kill while images are indexed; print and judge what is left."""
    out, acknowledged, lost = folder / "killed", 0, 0
    for number in range(N_KILLS):
        more, status = kill_once(folder, out, rng)
        assert status == -9, "there were too few images: a run came to its end"
        acknowledged += more
        there = contents(out)
        lost += max(0, acknowledged - len(there))
        print(f"kill {number + 1:2d}: {acknowledged} acknowledged, {len(there)} there", flush=True)
        acknowledged = len(there)  # of the next run, what it adds to these
    assert start(folder, out).wait() == 0
    assert start(folder, folder / "undisturbed").wait() == 0
    same = contents(out) == contents(folder / "undisturbed")
    print(f"{N_KILLS} kills, {lost} acknowledged images lost; the same as an undisturbed index: {same}")
    if lost or not same:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slides", action="store_true", help="Kill while slides are indexed.")
    slides = parser.parse_args().slides
    with tempfile.TemporaryDirectory(prefix="crosslight-kills-") as name:
        folder = Path(name)
        make_images(folder)
        make_model(folder)
        if slides:
            make_slides(folder)
        (kill_among_slides if slides else kill_among_images)(folder, random.Random(0))


if __name__ == "__main__":
    main()
