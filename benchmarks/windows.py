"""Whether the quick look finds the right window, not only the right image.

    windows.py MODEL A_DIR B_DIR --split split.csv [--part val] [--kinds full,patch,any]

The repository are all images of the other modality, cut into windows as large as the query that overlap by half. A
window is as similar as the best of the places of discs that lie nearest to its middle, over all turns; the right one is
that whose middle lies nearest to the query's. Printed is its recall among the best windows. Queries as in
`retrieval.py`.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from retrieval import KINDS, cut

from crosslight.config import AlignConfig
from crosslight.describe.discs import DISC_PX, STEP_PX, describe_discs
from crosslight.encode.disc_codes import LEVELS
from crosslight.pipeline.shortlist import learn_axes, turn_discs
from crosslight.read.image import list_images, read_image
from crosslight.read.pairs import find_pairs
from crosslight.represent.comir.model import ComirModel
from crosslight.rerank.align import Query
from crosslight.types import MODALITIES, Float32, Float64, Modality

AMONG = (1, 10, 30, 100, 300)

Codes = NDArray[np.int8]


def map_similarities(query: Float32, steps: Float64, codes: Codes) -> Float32:
    """Return (rows, columns): how well a query's discs are found with its middle on each disc of an image.

    As `compare_discs`, of one image; (T, O, P) discs lie at (T, O, 2) steps, `codes` are (rows, columns, P).
    """
    rows, columns, _ = codes.shape
    best = np.full((rows, columns), -1, np.float32)
    whole = np.floor(steps).astype(int)
    reach = int(np.abs(whole).max()) + 1
    for turn, places in zip(query, whole, strict=True):
        similar = np.einsum("op,rcp->orc", turn / np.float32(LEVELS), codes.astype(np.float32))
        around = np.pad(similar, ((0, 0), (reach, reach + 1), (reach, reach + 1)))
        total = np.zeros((rows, columns), np.float32)
        for disc, (x, y) in zip(around, places + reach, strict=True):
            corners = [disc[y + j : y + j + rows, x + i : x + i + columns] for i in (0, 1) for j in (0, 1)]
            total += np.max(corners, axis=0)
        best = np.maximum(best, total / len(places))
    return best


def window_middles(length_px: int, side_px: int) -> Float64:
    """Return the middles, along one side of an image, of windows that overlap by half."""
    n = 1 + max(0, round((length_px - side_px) / (side_px / 2)))
    return np.linspace(side_px / 2, max(side_px / 2, length_px - side_px / 2), n)


def nearest(middles: Float64, places: Float64) -> NDArray[np.intp]:
    """Return which of the middles lies nearest to each place."""
    numbers: NDArray[np.intp] = np.abs(places[:, None] - middles).argmin(axis=1)
    return numbers


def score_windows(similarities: Float32, size_px: tuple[int, int], side_px: int) -> Float32:
    """Return the best similarity of each window of an image, (rows, columns) of windows; -1 where no disc lies."""
    owners = [
        nearest(window_middles(length, side_px), np.arange(n) * STEP_PX + DISC_PX / 2)
        for n, length in zip(similarities.shape, size_px, strict=True)
    ]
    scores = np.full([len(window_middles(length, side_px)) for length in size_px], -1, np.float32)
    np.maximum.at(scores, tuple(np.meshgrid(*owners, indexing="ij")), similarities)
    return scores


def main() -> None:
    """Print one line per direction and kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("a_dir", type=Path)
    parser.add_argument("b_dir", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--part", default="val", help="train, val or test; choose settings on val alone")
    parser.add_argument("--kinds", default="full,patch,any")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    model = ComirModel.load(a.model)
    pairs = find_pairs(a.a_dir, a.b_dir, split=a.split).part(a.part)
    print("queries        n  windows  " + " ".join(f"@{k:<5d}" for k in AMONG))
    for asked, searched in (MODALITIES, MODALITIES[::-1]):
        folder = a.a_dir if searched == "A" else a.b_dir
        images = {image.name: image for image in map(read_image, list_images([folder]))}
        discs = {n: describe_discs(model.representer(searched).represent(image)) for n, image in images.items()}
        codes = learn_axes(discs.values(), means_tell=model.means_tell)
        stored = {name: codes.encode(values) for name, values in discs.items()}
        sizes = {name: (image.height_px, image.width_px) for name, image in images.items()}
        for kind in a.kinds.split(","):
            ranks, n_windows = [], 0
            for pair in pairs:
                rng = np.random.default_rng([a.seed, 0, zlib.crc32(f"{kind}/{asked}/{pair.name}".encode())])
                window, truth = cut(pair.a if asked == "A" else pair.b, kind, rng)
                query = Query(
                    representation=model.representer(asked).represent(window),
                    height_px=window.height_px, width_px=window.width_px,
                )  # fmt: skip
                [(turned, steps)] = turn_discs(query, codes, AlignConfig(rotation_deg=KINDS[kind][2]))
                scores = {
                    name: score_windows(map_similarities(turned, steps, some), sizes[name], window.height_px)
                    for name, some in stored.items()
                }
                right = right_window(scores[pair.name], sizes[pair.name], window.height_px, truth.center_xy)
                every = np.concatenate([s.ravel() for s in scores.values()])
                ranks.append(int((every > right).sum()) + 1)
                n_windows = len(every)
            print(line(asked, kind, ranks, n_windows), flush=True)


def right_window(scores: Float32, size_px: tuple[int, int], side_px: int, center_xy: Sequence[float]) -> float:
    """Return the similarity of the window whose middle lies nearest."""
    row, column = (
        int(nearest(window_middles(length, side_px), np.array([place]))[0])
        for length, place in zip(size_px, center_xy[::-1], strict=True)
    )
    return float(scores[row, column])


def line(asked: Modality, kind: str, ranks: list[int], n_windows: int) -> str:
    """Return one line of figures."""
    shares = " ".join(f"{100 * (np.array(ranks) <= k).mean():6.1f}" for k in AMONG)
    return f"{asked + ' ' + kind:12s} {len(ranks):4d} {n_windows:6d} {shares}"


if __name__ == "__main__":
    main()
