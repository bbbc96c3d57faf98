"""Large images: how fast they are indexed against the network alone, in how much memory; whether patches are found.

    python benchmarks/slides.py --side 10000 --format ome.tif --model MODEL
    python benchmarks/slides.py --earth --model MODEL

Makes a slide of that side (tools/make_slide.py), indexes it, asks with relief patches turned by any angle, and deletes
everything. Without `--model` it uses the head start of the package alone. Times are of the processor, so that other
work beside it does not count, with one thread for the network; shares are of one run. `--earth` asks for relief patches
in the whole Earth instead, all from longitudes that the demonstration's model was not trained on: with a piece of
coast, and any that are half land.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import crosslight
from crosslight.config import SlideConfig
from crosslight.demo import cut
from crosslight.demo.earth import FOLDER, Tile, distance_px, load_earth
from crosslight.demo.run import INDEX, quick_model
from crosslight.pipeline import slide_build
from crosslight.pipeline.build import archive_key
from crosslight.represent.comir import infer

TOOL = Path(__file__).parents[1] / "tools" / "make_slide.py"
RIGHT_PX = 8
MEGA = 1e6


def peak_mb() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def index_slide(slide: Path, folder: Path, model: Path) -> dict[str, float]:
    """Index a slide, and return processor seconds of its parts, bytes and memory."""
    torch.set_num_threads(1)
    spent = {"represent": 0.0, "describe": 0.0, "network": 0.0}

    def timed(name: str, function: Any, clock: Callable[[], float]) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            start = clock()
            try:
                return function(*arguments, **options)
            finally:
                spent[name] += clock() - start

        return call

    slide_build.represent_slide = timed("represent", slide_build.represent_slide, time.process_time)
    slide_build.write_windows = timed("describe", slide_build.write_windows, time.process_time)
    infer._run_window = timed("network", infer._run_window, time.thread_time)  # not what is read meanwhile
    before, start, wall = peak_mb(), time.process_time(), time.perf_counter()
    with crosslight.Index.build([slide], model, modality="A", out=folder, device="cpu") as index:
        (entry,) = index.entries()
        megapixels = entry.height_px * entry.width_px / MEGA
        shape = index.pyramids.shape(archive_key(entry))
        windows = index.open_windows().count()
        size = index.pyramids.size_bytes()
        stored = sum(f.stat().st_blocks * 512 for f in (folder / "windows").rglob("*") if f.is_file())
    return {
        "megapixels": megapixels,
        "empty_share": len(shape.empty) / math.prod(shape.grid(0)),
        "windows": windows,
        "represent_s": spent["represent"],
        "describe_s": spent["describe"],
        "network_s": spent["network"],
        "total_s": time.process_time() - start,
        "wall_s": time.perf_counter() - wall,
        "before_mb": before,
        "peak_mb": peak_mb(),
        "bytes_per_mpx": size / megapixels,
        "words_bytes_per_mpx": stored / megapixels,
    }


def ask(folder: Path, queries: Path, _: Path) -> dict[str, Any]:
    """Ask for all patches and return how many were found, how fast, and in how much memory."""
    truth = json.loads((queries / "truth.json").read_text())
    errors, seconds, walls, note = [], [], [], ""
    with crosslight.Index.open(folder, device="cpu") as index:
        for name, place in truth.items():
            start, wall = time.process_time(), time.perf_counter()
            ranking = index.search([queries / f"{name}.png"], rotation=180.0)[0]
            seconds.append(time.process_time() - start)
            walls.append(time.perf_counter() - wall)
            found, note = ranking.hits[0].placement, ranking.note
            assert found is not None
            errors.append(math.dist(found.center_xy, place["center_xy"]))
    return {
        "right": sum(e < RIGHT_PX for e in errors),
        "asked": len(errors),
        "first_s": seconds[0],
        "query_s": float(np.median(seconds[1:])),
        "query_wall_s": float(np.median(walls[1:])),
        "peak_mb": peak_mb(),
        "note": note,
    }


def ask_earth(model: Path, folder: Path, seed: int) -> None:
    """Ask for relief patches of 256 px, turned by any angle, in the whole Earth as one slide; print what was found."""
    earth = load_earth()
    world = Tile(image=earth.a, origin_xy=(0, 0))
    with crosslight.Index.build(
        [FOLDER / "A.jpg"], model, modality="A", out=folder / "index", config=INDEX, device="cpu"
    ) as index:
        for name, sea_share, land_share, apart, n in (("coast", 0.12, 0.3, 0.6, 18), ("land", 0.0, 0.5, 0.3, 40)):
            cut.QUERY_SEA_SHARE, cut.QUERY_LAND_SHARE, cut.APART = sea_share, land_share, apart
            patches = cut.cut_patches(earth, [world], n, size_px=256, seed=seed)
            right, seconds = 0, []
            for patch in patches:
                start = time.process_time()
                found = index.search([patch.image], rotation=180.0)[0].hits[0].placement
                seconds.append(time.process_time() - start)
                assert found is not None
                right += distance_px(found.center_xy, patch.placement.center_xy) < RIGHT_PX
            print(f"{name:<8}{right} of {n} within {RIGHT_PX} px, {np.median(seconds):.2f} processor seconds a query")


def run_apart(step: str, *arguments: Path) -> dict[str, Any]:
    """Run one step in a process of its own, whose memory is then that of the step."""
    command = [sys.executable, __file__, "--step", step, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def report(made: dict[str, float], found: dict[str, Any]) -> None:
    """Print the figures."""
    network = made["megapixels"] / made["network_s"]
    speed, whole = made["megapixels"] / made["represent_s"], made["megapixels"] / made["total_s"]
    kilobytes, windows_kb = made["bytes_per_mpx"] / 1e3, made["words_bytes_per_mpx"] / 1e3
    cost = (1 + 2 * SlideConfig().margin_px / (SlideConfig().window_cells * 4)) ** 2
    lines = {
        "slide": f"{made['megapixels']:.0f} Mpx, {made['empty_share']:.0%} background, {made['windows']:.0f} windows",
        "network alone": f"{network:.2f} Mpx a processor second (its margins, x {cost:.2f}, counted in)",
        "read, represent, write": f"{speed:.2f} Mpx a second: {speed / network:.0%} of the network alone",
        "whole indexing": f"{whole:.2f} Mpx a second: {whole / network:.0%} (describing {made['describe_s']:.0f} s)",
        "peak memory": f"{made['peak_mb']:.0f} MB, of which {made['before_mb']:.0f} MB are the libraries",
        "on disk": f"{kilobytes:.0f} kB a Mpx, and {windows_kb:.0f} kB for the windows",
        "patches of 256 px": f"{found['right']:.0f} of {found['asked']:.0f} right, {found['note']}",
        "a query": f"{found['query_s']:.2f} processor seconds (the first {found['first_s']:.1f})",
        "its peak memory": f"{found['peak_mb']:.0f} MB",
    }
    for name, words in lines.items():
        print(f"{name:<24}{words}")


def main() -> None:
    """Make, index, ask, print, delete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10_000)
    parser.add_argument("--format", default="ome.tif", choices=["ome.tif", "zarr"])
    parser.add_argument("--n", type=int, default=10, help="How many patches.")
    parser.add_argument("--earth", action="store_true", help="Ask in the whole Earth instead.")
    parser.add_argument("--model", type=Path, help="The head start alone by default.")
    parser.add_argument("--seed", type=int, default=1, help="Of the patches of --earth.")
    parser.add_argument("--slide", type=Path, help="A slide that tools/make_slide.py made already; then --queries too.")
    parser.add_argument("--queries", type=Path, help="Its queries.")
    parser.add_argument("--step", nargs=4, metavar=("NAME", "IN", "OUT", "MODEL"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="Where to work; a temporary folder by default.")
    arguments = parser.parse_args()
    if arguments.step:
        name, *paths = arguments.step
        step = {"index": index_slide, "ask": ask}[name]
        print(json.dumps(step(*map(Path, paths))))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        model = arguments.model or quick_model(Path(folder) / "model", device="cpu")
        if arguments.earth:
            ask_earth(model, Path(folder), arguments.seed)
            return
        slide, queries = arguments.slide, arguments.queries
        if slide is None:
            slide, queries = Path(folder) / f"slide.{arguments.format}", Path(folder) / "queries"
            options = ["--side", str(arguments.side), "--queries", str(queries), "--n", str(arguments.n)]
            subprocess.run([sys.executable, str(TOOL), str(slide), *options], check=True)
        made = run_apart("index", slide, Path(folder) / "index", model)
        report(made, run_apart("ask", Path(folder) / "index", queries, model))


if __name__ == "__main__":
    main()
