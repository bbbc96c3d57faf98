"""Large images: their levels, and regions of them; never the whole plane at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError
from crosslight.geometry import mirror_indices

OVERVIEW_BYTES = 2**25  # read at once while an overview is made


@dataclass(frozen=True, kw_only=True)
class Level:
    """One resolution of a large image.

    Attributes
    ----------
    height_px, width_px : int
        Size at this level.
    downsample : float
        Pixels of level 0 per pixel of this one; 1 for level 0.
    mpp : float or None
        Micrometres per pixel of this level.
    """

    height_px: int
    width_px: int
    downsample: float
    mpp: float | None = None


class SlideSource(Protocol):
    """A large image, opened; its finest level is number 0."""

    @property
    def name(self) -> str:
        """The file's stem."""

    @property
    def levels(self) -> Sequence[Level]:
        """All levels, finest first."""

    @property
    def n_channels(self) -> int:
        """Number of channels C."""

    def read_region(self, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels of one level, uint8, uint16 or float32; the region lies within the level."""

    def close(self) -> None:
        """Release the file."""


def nominal_downsample(full_px: int, level_px: int) -> float:
    """Return how many pixels of the finest level make one: whole where the sizes differ by rounding only."""
    ratio = full_px / level_px
    whole = max(1, round(ratio))
    return float(whole) if level_px in (full_px // whole, -(-full_px // whole)) else ratio


def make_levels(sizes: Sequence[tuple[int, int]], mpp: float | None) -> tuple[Level, ...]:
    """Return levels for sizes (height, width), finest first, and the finest one's micrometres per pixel."""
    levels = []
    for height, width in sizes:
        axes = [nominal_downsample(f, s) for f, s in zip(sizes[0], (height, width), strict=True)]
        downsample = axes[1] if width >= height else axes[0]  # the longer side knows it best
        levels.append(
            Level(
                height_px=height,
                width_px=width,
                downsample=downsample,
                mpp=None if mpp is None else mpp * downsample,
            )
        )
    return tuple(levels)


def check_region(source: SlideSource, level: int, top: int, left: int, rows: int, cols: int) -> None:
    """Raise InputError unless the region lies within the level."""
    if not 0 <= level < len(source.levels):
        raise InputError(f"{source.name} has no level {level}; it has {len(source.levels)}, from 0.")
    size = source.levels[level]
    if min(top, left) < 0 or min(rows, cols) < 1 or top + rows > size.height_px or left + cols > size.width_px:
        raise InputError(
            f"Rows {top} to {top + rows} and columns {left} to {left + cols} leave {source.name}, which has "
            f"{size.height_px} x {size.width_px} px at level {level}; ask for a part of it."
        )


def read_mirrored(source: SlideSource, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
    """Return (rows, cols, C) pixels of one level; what lies outside is mirrored at the edge."""
    size = source.levels[level]
    r, c = mirror_indices(top, rows, size.height_px), mirror_indices(left, cols, size.width_px)
    inside = read_inside(source, level, r, c)
    if len(r) == inside.shape[0] and len(c) == inside.shape[1] and r[0] == r.min() and c[0] == c.min():
        return inside
    mirrored: NDArray[Any] = inside[r - r.min()][:, c - c.min()]
    return mirrored


def read_inside(source: SlideSource, level: int, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> NDArray[Any]:
    """Return the smallest region that holds the given rows and columns."""
    top, left = int(rows.min()), int(cols.min())
    return source.read_region(level, top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


def choose_level(source: SlideSource, downsample: float) -> int:
    """Return the coarsest level that still holds everything that is visible at `downsample`."""
    fits = [i for i, level in enumerate(source.levels) if level.downsample <= downsample * 1.01]
    return fits[-1] if fits else 0


def reduce_whole(pixels: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Average (H, W, C) pixels over squares of `factor`; partial squares at the ends are averaged as they are."""
    if factor == 1:
        return pixels.astype(np.float32)
    height, width = pixels.shape[:2]
    sums: NDArray[Any] = pixels.astype(np.float32)
    for axis, n in ((0, height), (1, width)):
        starts = np.arange(0, n, factor)
        counts = np.diff(np.append(starts, n)).astype(np.float32)
        shape = [1, 1, 1]
        shape[axis] = len(starts)
        sums = np.add.reduceat(sums, starts, axis=axis) / counts.reshape(shape)
    return sums


def make_overview(source: SlideSource, max_px: int) -> tuple[NDArray[np.float32], float]:
    """Return the whole image at no more than `max_px` a side, read strip by strip.

    Returns
    -------
    pixels : ndarray of shape (h, w, C), float32
        Values as stored, averaged.
    downsample : float
        Pixels of level 0 per pixel of the overview.
    """
    full = source.levels[0]
    number = choose_level(source, max(1.0, max(full.height_px, full.width_px) / max_px))
    level = source.levels[number]
    factor = max(1, -(-max(level.height_px, level.width_px) // max_px))
    row_bytes = max(1, level.width_px * source.n_channels * 4)
    strip = max(factor, OVERVIEW_BYTES // row_bytes // factor * factor)
    parts = []
    for top in range(0, level.height_px, strip):
        rows = min(strip, level.height_px - top)
        parts.append(reduce_whole(source.read_region(number, top, 0, rows, level.width_px), factor))
    return np.concatenate(parts), factor * level.downsample
