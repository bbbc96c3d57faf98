"""Disc codes: what describes a disc in 64 bytes, and how similar a query's discs are to those of images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from crosslight.errors import IndexCorruptError, IndexMismatchError
from crosslight.types import Float32

FORMAT_VERSION = 1
FILE_NAME = "discs.safetensors"
ARRAYS = ("mean", "axes")
N_AXES = 64
LEAST_SPREAD = 1e-3  # of an axis, as a share of the largest: what spreads less is not told from noise
LEVELS = 127.0
ROWS_AT_ONCE = 2**14  # discs compared with a query at once


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
        digest = hashlib.blake2b(digest_size=12)
        for array in (np.ascontiguousarray(getattr(self, name)) for name in ARRAYS):
            digest.update(str(array.shape).encode() + array.tobytes())
        return digest.hexdigest()

    def project(self, values: Float32) -> Float32:
        """Return discs (..., D) on the axes, (..., P), of unit length; those with nothing to see are zeros."""
        kept = (values - self.mean) @ self.axes
        kept[~values.any(axis=-1)] = 0
        length = np.linalg.norm(kept, axis=-1, keepdims=True)
        return np.asarray(kept / np.maximum(length, 1e-9), np.float32)

    def encode(self, values: Float32) -> NDArray[np.int8]:
        """Return what is stored of discs (N, D): (N, P) int8."""
        codes: NDArray[np.int8] = np.rint(self.project(values) * LEVELS).astype(np.int8)
        return codes

    def save(self, folder: Path) -> None:
        """Write one file in one step, so that a kill leaves the old one or the new one."""
        record = {"format_version": FORMAT_VERSION, "fingerprint": self.fingerprint}
        temporary = folder / f"{FILE_NAME}.new"
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}
        save_file(arrays, temporary, {"crosslight": json.dumps(record)})
        temporary.replace(folder / FILE_NAME)

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
        path = folder / FILE_NAME
        try:
            with safe_open(path, framework="numpy") as file:
                record = json.loads(file.metadata()["crosslight"])
                arrays = {name: file.get_tensor(name) for name in ARRAYS}
            codes = cls(**arrays)
            if record["format_version"] == FORMAT_VERSION and record["fingerprint"] != codes.fingerprint:
                raise ValueError("its content has changed")
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise IndexCorruptError(f"{path} cannot be read ({error}); build the index again.") from error
        if record["format_version"] != FORMAT_VERSION:
            raise IndexMismatchError(
                f"{path} has format {record['format_version']}, this Crosslight reads {FORMAT_VERSION}; "
                "update Crosslight, or build the index again."
            )
        return codes


def learn_codes(discs: Iterable[Float32], n_axes: int = N_AXES) -> DiscCodes:
    """Find the main axes of the discs of images, given as arrays (N, D) and held one at a time.

    Rows of zeros, with nothing to see, are left out. At least one array has to be given.
    """
    count, total, moments = 0, np.zeros(0), np.zeros((0, 0))
    for values in discs:
        rows = values[values.any(axis=1)].astype(np.float64)
        if not len(total):
            total, moments = np.zeros(values.shape[1]), np.zeros((values.shape[1],) * 2)
        count, total, moments = count + len(rows), total + rows.sum(axis=0), moments + rows.T @ rows
    mean = total / max(1, count)
    spread, axes = np.linalg.eigh(moments / max(1, count) - np.outer(mean, mean))
    spread, axes = spread[: -n_axes - 1 : -1], axes[:, : -n_axes - 1 : -1]
    spread = np.maximum(spread, max(float(spread[0]), 1e-12) * LEAST_SPREAD)
    return DiscCodes(mean=mean.astype(np.float32), axes=np.ascontiguousarray(axes * spread**-0.25, np.float32))


def compare_discs(query: Float32, images: Sequence[NDArray[np.int8]]) -> Float32:
    """Return how well a query's discs are found in images.

    For each turn: the mean over the query's discs of the most similar disc of the image. The best turn counts.

    Parameters
    ----------
    query : ndarray of shape (T, O, P), float32
        Projected discs of a query at T turns.
    images : sequence of ndarray of shape (N, P), int8
        Codes of each image's discs; N may differ.

    Returns
    -------
    similarities : ndarray of shape (len(images),), float32
        From -1 to 1.
    """
    n_turns, n_discs, n_axes = query.shape
    rows = query.reshape(-1, n_axes) / np.float32(LEVELS)
    result: list[Float32] = []
    for some in _group(images):
        starts = np.cumsum([0, *(len(codes) for codes in some[:-1])])
        similar = rows @ np.concatenate(some).astype(np.float32).T
        best = np.maximum.reduceat(similar, starts, axis=1)
        result.append(best.reshape(n_turns, n_discs, -1).mean(axis=1).max(axis=0))
    return np.concatenate(result) if result else np.empty(0, np.float32)


def _group(images: Sequence[NDArray[np.int8]]) -> Iterable[list[NDArray[np.int8]]]:
    """Yield runs of images with about `ROWS_AT_ONCE` discs."""
    some: list[NDArray[np.int8]] = []
    for codes in images:
        if some and sum(map(len, some)) + len(codes) > ROWS_AT_ONCE:
            yield some
            some = []
        some.append(codes)
    if some:
        yield some
