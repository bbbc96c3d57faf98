"""Kill -9 during indexing, twenty times: no acknowledged image is lost, none is there twice, the end is the same.

A run is killed a random moment after its first, second or third acknowledged batch, and started again. In the end the
store holds what a run that nobody disturbed holds, to the last bit.
"""

from __future__ import annotations

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
RUN = """
import sys
import crosslight

def report(done, total, label):
    if label == "indexing":
        print(int(done), flush=True)

images, model, out = sys.argv[1:]
crosslight.Index.build([images], model, modality="A", out=out, device="cpu", progress=report).close()
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


def start(folder: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, str(folder / "A"), str(folder / "model"), str(out)]
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


def main() -> None:
    rng = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="crosslight-kills-") as name:
        folder = Path(name)
        make_images(folder)
        make_model(folder)
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


if __name__ == "__main__":
    main()
