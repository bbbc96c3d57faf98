"""Whether the quick look finds the right window, not only the right image.

    windows.py MODEL A_DIR B_DIR --split split.csv [--part val] [--kinds full,patch,any]

The repository are all images of the other modality, cut into windows as large as the query that overlap by half. A
window is as similar as the best of the places of discs that lie nearest to its middle, over all turns; the right one is
that whose middle lies nearest to the query's. Printed is its recall among the best windows. Queries as in
`retrieval.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from retrieval import KINDS, build_parser, directions, draw, repository, represent

from crosslight.config import AlignConfig
from crosslight.describe.discs import DISC_PX, STEP_PX, describe_discs
from crosslight.encode.disc_codes import map_similarities
from crosslight.pipeline.shortlist import learn_axes, turn_discs
from crosslight.read.pairs import find_pairs
from crosslight.represent.comir.model import ComirModel
from crosslight.types import Float32, Float64, Modality

AMONG = (1, 10, 30, 100, 300)


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
    a = build_parser(__doc__).parse_args()
    torch.set_num_threads(a.threads)
    model = ComirModel.load(a.model)
    pairs = find_pairs(a.a_dir, a.b_dir, split=a.split).part(a.part)
    print("queries        n  windows  " + " ".join(f"@{k:<5d}" for k in AMONG))
    for asked, searched in directions(a.sides):
        folder = a.a_dir if searched == "A" else a.b_dir
        images = repository(model, searched, folder)
        discs = {name: describe_discs(representation) for name, (representation, _) in images.items()}
        codes = learn_axes(discs.values(), means_tell=model.means_tell)
        stored = {name: codes.encode(values) for name, values in discs.items()}
        sizes = {name: (image.height_px, image.width_px) for name, (_, image) in images.items()}
        for kind in a.kinds.split(","):
            ranks, n_windows = [], 0
            for pair, number in product(pairs, range(a.per_image)):
                window, truth = draw(pair, asked, kind, (a.seed, number))
                turns = AlignConfig(rotation_deg=KINDS[kind][2])
                [(turned, steps)] = turn_discs(represent(model, asked, window), codes, turns)
                scores = {
                    name: score_windows(
                        map_similarities(turned, steps, some[None])[..., 0], sizes[name], window.height_px
                    )
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
