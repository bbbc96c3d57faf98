"""Disc codes: what describes a disc in 64 bytes, and how similar a query's discs are to those of images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosslight.encode.array_file import hash_arrays, load_arrays, save_arrays
from crosslight.types import Float32, Float64

FORMAT_VERSION = 1
FILE_NAME = "discs.safetensors"
ARRAYS = ("mean", "axes")
N_AXES = 64
LEAST_SPREAD = 1e-3  # of an axis, as a share of the largest: what spreads less is not told from noise
LEVELS = 127.0
DISCS_AT_ONCE = 2**14  # of images, compared with a query


@dataclass(frozen=True, kw_only=True, eq=False)
class DiscCodes:
    """Which combinations of a disc's values are kept.

    Attributes
    ----------
    mean : ndarray of shape (D,), float32
        Of the discs it was learnt from.
    axes : ndarray of shape (D, P), float32
        Their main axes, each over the fourth root of its variance: between how much a direction varies and how much
        less that tells the more it does.
    """

    mean: Float32
    axes: Float32

    @cached_property
    def fingerprint(self) -> str:
        """A hash of mean and axes: codes are comparable only under one."""
        return hash_arrays({name: getattr(self, name) for name in ARRAYS})

    def project(self, values: Float32) -> Float32:
        """Return discs (..., D) on the axes, (..., P), of unit length; those with nothing to see are zeros."""
        kept = (values - self.mean) @ self.axes
        kept[~values.any(axis=-1)] = 0
        length = np.linalg.norm(kept, axis=-1, keepdims=True)
        return np.asarray(kept / np.maximum(length, 1e-9), np.float32)

    def encode(self, values: Float32) -> NDArray[np.int8]:
        """Return what is stored of discs (..., D): (..., P) int8."""
        codes: NDArray[np.int8] = np.rint(self.project(values) * LEVELS).astype(np.int8)
        return codes

    def save(self, folder: Path) -> None:
        """Write one file in one step, so that a kill leaves the old one or the new one."""
        save_arrays(folder / FILE_NAME, {name: getattr(self, name) for name in ARRAYS}, FORMAT_VERSION)

    @classmethod
    def load(cls, folder: Path) -> DiscCodes:
        """Read what `save` wrote.

        Raises
        ------
        IndexCorruptError
            If it is missing or damaged.
        IndexMismatchError
            If it has another format version.
        """
        return cls(**load_arrays(folder / FILE_NAME, ARRAYS, FORMAT_VERSION, "disc")[0])


def learn_codes(discs: Iterable[Float32], n_axes: int = N_AXES, *, unseen_means: int = 0) -> DiscCodes:
    """Find the main axes of the discs of images, given as arrays (..., D) and held one at a time.

    Rows of zeros, with nothing to see, are left out. At least one array has to be given. Where `unseen_means` is
    the number of a part's bins, which follow each other, the axes do not see the mean over them, only how they differ.
    """
    count, total, moments = 0, np.zeros(0), np.zeros((0, 0))
    for some in discs:
        values = some.reshape(-1, some.shape[-1])
        rows = values[values.any(axis=1)].astype(np.float64)
        if not len(total):
            total, moments = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
        count, total, moments = count + len(rows), total + rows.sum(axis=0), moments + rows.T @ rows
    mean = total / max(1, count)
    covariance = moments / max(1, count) - np.outer(mean, mean)
    if unseen_means:
        covariance = _without_means(_without_means(covariance, unseen_means).T, unseen_means)
    spread, axes = np.linalg.eigh(covariance)
    spread, axes = spread[: -n_axes - 1 : -1], axes[:, : -n_axes - 1 : -1]
    if unseen_means:
        axes = _without_means(axes, unseen_means)  # those along which nothing spreads may point anywhere
    spread = np.maximum(spread, max(float(spread[0]), 1e-12) * LEAST_SPREAD)
    return DiscCodes(mean=mean.astype(np.float32), axes=np.ascontiguousarray(axes * spread**-0.25, np.float32))


def _without_means(values: Float64, n_bins: int) -> Float64:
    """Take the mean over each part's bins out of the columns of (D, N)."""
    parts = values.reshape(-1, n_bins, values.shape[1])
    rest: Float64 = (parts - parts.mean(axis=1, keepdims=True)).reshape(values.shape)
    return rest


def compare_discs(query: Float32, steps: Float64, images: Sequence[NDArray[np.int8]]) -> Float32:
    """Return how well a query's discs are found in images, lying there as in the query.

    At each turn and place: the mean similarity of the query's discs with those of the image where they would lie, each
    the best of the four nearest; a disc outside counts as 0. The best turn and place counts.

    Parameters
    ----------
    query : ndarray of shape (T, O, P), float32
        Projected discs of a query at T turns.
    steps : ndarray of shape (T, O, 2), float64
        Where they lie, (x, y), in steps of the images' discs.
    images : sequence of ndarray of shape (rows, columns, P), int8
        Codes of each image's discs; rows and columns may differ.

    Returns
    -------
    similarities : ndarray of shape (len(images),), float32
        From -1 to 1.
    """
    best = np.empty(len(images), np.float32)
    for numbers in _group([codes.shape[:2] for codes in images]):
        best[numbers] = map_similarities(query, steps, np.stack([images[i] for i in numbers])).max(axis=(0, 1))
    return best


def _group(shapes: Sequence[tuple[int, ...]]) -> Iterator[list[int]]:
    """Yield the numbers of images of one shape that together have about `DISCS_AT_ONCE` discs."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, shape in enumerate(shapes):
        alike.setdefault(shape, []).append(number)
    for shape, numbers in alike.items():
        n = max(1, DISCS_AT_ONCE // (shape[0] * shape[1]))
        yield from (numbers[start : start + n] for start in range(0, len(numbers), n))


def map_similarities(query: Float32, steps: Float64, codes: NDArray[np.int8]) -> Float32:
    """Return how similar a query is with its middle on each disc of images of one size, at the best turn.

    Parameters
    ----------
    query, steps
        As in `compare_discs`.
    codes : ndarray of shape (N, rows, columns, P), int8

    Returns
    -------
    similarities : ndarray of shape (rows, columns, N), float32
        From -1 to 1.
    """
    (n_turns, n_discs, n_axes), (n, rows, columns) = query.shape, codes.shape[:3]
    # Images last: what is shifted below then lies in long rows.
    flat = codes.transpose(1, 2, 0, 3).reshape(-1, n_axes).astype(np.float32).T
    best = np.full((rows, columns, n), -n_discs, np.float32)
    whole = np.floor(steps).astype(int)
    reach = int(np.abs(whole).max()) + 1
    around = np.zeros((rows + 2 * reach, columns + 2 * reach, n), np.float32)
    inside = around[reach : reach + rows, reach : reach + columns]
    pairs = np.empty((rows + 1, columns, n), np.float32)
    for turn in range(n_turns):
        similar = (query[turn] / np.float32(LEVELS) @ flat).reshape(n_discs, rows, columns, n)
        total = np.zeros((rows, columns, n), np.float32)
        for disc, (x, y) in enumerate(whole[turn] + reach):
            inside[:] = similar[disc]
            below = around[y : y + rows + 1]
            np.maximum(below[:, x : x + columns], below[:, x + 1 : x + 1 + columns], out=pairs)
            total += np.maximum(pairs[:-1], pairs[1:])
        np.maximum(best, total, out=best)
    return best / np.float32(n_discs)
