"""Time of describing one image by every describer and whole method that needs no weights, in one run.

Run ``python benchmarks/methods.py [--side-px 512] [--threads N]``. Prints milliseconds per image and the ratio to dense
SURF. TC-Net is its small default network with random weights.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import torch

from crosslight.config import DescribeConfig
from crosslight.registry import load, names
from crosslight.types import Image, Pair, Representation


def textured(side_px: int, seed: int = 0) -> np.ndarray:
    """Return smooth noise as uint8 (H, W, 1)."""
    noise = np.random.default_rng(seed).normal(size=(side_px, side_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(127 + 50 * smooth / smooth.std(), 0, 255).astype(np.uint8)[:, :, None]


def describe_runs(side_px: int) -> dict[str, Callable[[], object]]:
    """Return one call per describer; "resnet" is left out, its weights are not shipped."""
    representation = Representation.from_codes(textured(side_px)[:, :, 0][None], 1)
    runs: dict[str, Callable[[], object]] = {}
    for name in names("describer"):
        if name != "resnet":
            describer = load("describer", name)(DescribeConfig(name=name))
            runs[name] = lambda describer=describer: describer.describe(representation)
    return runs


def index_runs(side_px: int) -> dict[str, Callable[[], object]]:
    """Return one call per whole method: taking in one image."""
    image = Image(pixels=textured(side_px), name="image")
    pairs = [Pair(name=str(i), a=(x := Image(pixels=textured(96, i), name=str(i))), b=x) for i in range(2)]
    runs: dict[str, Callable[[], object]] = {}
    for name in names("baseline"):
        kind = load("baseline", name)
        config = kind.presets["default"]
        method = kind(replace(config, steps=1) if name == "tcnet" else config)
        method.fit(pairs, query="A")
        runs[name] = lambda method=method: method.index([image], modality="A")
    return runs


def main() -> None:
    """Print milliseconds per image and ratios to SURF."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side-px", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    runs = {**describe_runs(options.side_px), **index_runs(options.side_px)}
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(options.repeats):
        for name, run in runs.items():  # in turn, so that all meet the same disturbances
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    for name, seconds in best.items():
        print(
            f"{name:14s} {1000 * seconds:8.1f} ms per {options.side_px} px image, {seconds / best['surf']:6.2f} x SURF"
        )


if __name__ == "__main__":
    main()
