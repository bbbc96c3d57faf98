"""Queries -> which images are worth aligning, by their discs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from crosslight.config import AlignConfig
from crosslight.describe.discs import N_BINS, describe_turned
from crosslight.encode.disc_codes import DiscCodes, compare_discs, learn_codes
from crosslight.rerank.plan import Query, plan_query
from crosslight.rerank.threads import one_thread
from crosslight.types import Float32, Float64, Progress

ANGLE_STEP_DEG = 15.0  # discs turned by half of it still look alike
IMAGES_AT_ONCE = 256
KEPT_BYTES = 2**29  # of codes, from one search to the next: some 40,000 images of 400 px


class DiscShelf:
    """The disc codes of images, as `read` brings them by key, kept in memory while there is room."""

    def __init__(self, read: Callable[[str], NDArray[np.int8]]) -> None:
        self._read = read
        self._kept: dict[str, NDArray[np.int8]] = {}
        self._n_bytes = 0

    def codes(self, key: str) -> NDArray[np.int8]:
        """Return the codes of one image, (rows, columns, P); raises what `read` raises."""
        codes = self._kept.get(key)
        if codes is None:
            codes = self._read(key)
            if self._n_bytes + codes.nbytes <= KEPT_BYTES:
                self._kept[key] = codes
                self._n_bytes += codes.nbytes
        return codes


def learn_axes(discs: Iterable[Float32], *, means_tell: bool) -> DiscCodes:
    """Return the codes of discs (..., D) that see how strong a channel is in a disc as a whole, or only where in it."""
    return learn_codes(discs, unseen_means=0 if means_tell else N_BINS)


def rank_by_discs(
    queries: Sequence[Query], keys: Sequence[str], shelf: DiscShelf, codes: DiscCodes, config: AlignConfig,
    progress: Progress,
) -> list[list[int]]:  # fmt: skip
    """Return for each query the numbers of the images, those whose discs resemble its own most first.

    `keys` are the archive's names of the images.
    """
    asked = [turn_discs(query, codes, config) for query in queries]
    similarities = np.empty((len(queries), len(keys)), np.float32)
    for start in range(0, len(keys), IMAGES_AT_ONCE):
        some = [shelf.codes(key) for key in keys[start : start + IMAGES_AT_ONCE]]
        for row, turned in zip(similarities, asked, strict=True):
            row[start : start + len(some)] = np.max([compare_discs(*one, some) for one in turned], axis=0)
        progress(start + len(some), len(keys), "shortlisting")
    return [np.argsort(-row, kind="stable").tolist() for row in similarities]


@one_thread()
def turn_discs(query: Query, codes: DiscCodes, config: AlignConfig) -> list[tuple[Float32, Float64]]:
    """Return the projected discs (T, O, P) of a query at all angles and their places, for each scale and flip."""
    plan = plan_query(query, config)
    n_steps = 2 * math.ceil(config.rotation_deg / ANGLE_STEP_DEG)  # an even number, so that 0 is among the angles
    angles = np.linspace(-config.rotation_deg, config.rotation_deg, n_steps + 1)
    turns = angles[:-1] if plan.circular else angles
    turned = []
    for scale, flipped in product(plan.scales, plan.flips):
        values, steps = describe_turned(query.representation, turns.tolist(), scale=scale, flipped=flipped)
        turned.append((codes.project(values), steps))
    return turned
