"""Time of one dense SURF descriptor: ours, mahotas' SURF and OpenCV's SIFT, same points and sizes, in one run.

Run ``python benchmarks/surf.py [--threads N]``. Mahotas turns each block to its main direction, which we leave out; the
points, the 20 x 20 samples and the 64 values are the same. SIFT reads each block from the fitting layer of OpenCV's
pyramid, which is the fastest way to ask for it.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from mahotas.features import surf as mahotas_surf

from crosslight.config import DescribeConfig
from crosslight.describe.sift import Sift
from crosslight.describe.surf import Surf
from crosslight.types import Representation


def textured(side_px: int) -> Representation:
    """Return smooth noise of one channel and stride 1."""
    noise = np.random.default_rng(0).normal(size=(side_px, side_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return Representation.rounded((smooth / smooth.std())[None], 1)


def best_time_s(runs: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Return the shortest time of each, called in turn, so that all meet the same disturbances."""
    times = [[] for _ in runs]
    for _ in range(repeats):
        for run, measured in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            measured.append(time.perf_counter() - start)
    return [min(measured) for measured in times]


def main() -> None:
    """Print microseconds per descriptor and the ratios to ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side-px", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)

    representation, config = textured(options.side_px), DescribeConfig()
    found = Surf(config).describe(representation)
    image = representation.values[0].astype(np.float64)
    points = np.stack(
        [found.xy[:, 1], found.xy[:, 0], found.size_px / 20, np.ones(len(found)), np.ones(len(found))], axis=1
    ).astype(np.float64)
    runs = {
        "crosslight SURF": lambda: Surf(config).describe(representation),
        "mahotas SURF": lambda: mahotas_surf.descriptors(image, points, descriptor_only=True),
        "OpenCV SIFT": lambda: Sift(config).describe(representation),
    }
    times = best_time_s(list(runs.values()), options.repeats)
    print(f"{len(found)} descriptors of {options.side_px} x {options.side_px} px, {options.threads} threads")
    for name, seconds in zip(runs, times, strict=True):
        print(f"{name:16} {seconds / len(found) * 1e6:8.2f} us per descriptor {seconds / times[0]:8.1f} x ours")


if __name__ == "__main__":
    main()
