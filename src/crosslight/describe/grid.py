"""Dense keypoints: where square blocks of one width lie in a representation.

A keypoint sits on a corner between four representation pixels, so that a block of even width covers whole pixels.
Corner number c lies between pixels c - 1 and c; in the image it is the coordinate ``stride * c - 0.5``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.config import DescribeConfig
from crosslight.types import Descriptors, Float32, Representation


@dataclass(frozen=True, eq=False, kw_only=True)
class Grid:
    """All blocks of one width.

    Attributes
    ----------
    width : float
        In representation pixels.
    rows, cols : ndarray of shape (n,) and (m,), intp
        Corner numbers of the grid's lines.
    xy : ndarray of shape (n * m, 2), float32
        Centres in image pixels, row by row.
    size_px : ndarray of shape (n * m,), float32
        The width in image pixels, for each block.
    """

    width: float
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    xy: Float32
    size_px: Float32


def lay_grids(representation: Representation, config: DescribeConfig) -> Iterator[Grid]:
    """Yield the grid of each block width of the settings, ascending."""
    _, height, width = representation.values.shape
    stride = representation.stride
    step = max(1, round(config.step_px / stride))  # whole representation pixels
    for size_px in sorted(set(config.sizes_px)):
        rows, cols = (block_corners(length, size_px / stride, step) for length in (height, width))
        xy = corners_to_image(rows, cols, stride)
        sizes = np.full(len(xy), size_px, np.float32)
        yield Grid(width=size_px / stride, rows=rows, cols=cols, xy=xy, size_px=sizes)


def join_points(grids: Sequence[Grid]) -> tuple[Float32, Float32]:
    """Return the centres (N, 2) and widths (N,) of all blocks of all grids, in image pixels."""
    return np.concatenate([g.xy for g in grids]), np.concatenate([g.size_px for g in grids])


def block_corners(length: int, width: float, step: int) -> NDArray[np.intp]:
    """Return the centres of the blocks along one axis.

    Parameters
    ----------
    length : int
        Pixels of the representation along this axis.
    width : float
        Width of a block, in the same pixels.
    step : int
        Distance of neighbouring blocks, in the same pixels.

    Returns
    -------
    corners : ndarray of shape (n,), intp
        Corner numbers, ascending. The first block is flush with the edge and all lie within the representation, where
        the width is odd or fractional to within half a pixel; n = 0 when not one fits.
    """
    if width > length:
        return np.empty(0, np.intp)
    return np.arange(math.ceil(width / 2 - 0.5), math.floor(length - width / 2 + 0.5) + 1, step, dtype=np.intp)


def corners_to_image(rows: NDArray[np.intp], cols: NDArray[np.intp], stride: int) -> Float32:
    """Return the grid's points (x, y) in image pixels, row by row: shape (len(rows) * len(cols), 2), float32."""
    y, x = np.meshgrid(rows, cols, indexing="ij")
    return (np.stack([x.ravel(), y.ravel()], axis=1) * stride - 0.5).astype(np.float32)


def to_descriptors(values: Float32, xy: Float32, size_px: Float32) -> Descriptors:
    """Scale raw rows of (N, D) to unit length, in place; their strength is their variance before.

    A row of zeros stays.
    """
    energy = np.einsum("nd,nd->n", values, values)
    mean = values.mean(axis=1)
    strength = np.maximum(0, energy / np.float32(max(1, values.shape[1])) - mean**2)
    norm = np.sqrt(energy)
    values /= np.where(norm > 0, norm, np.float32(1))[:, None]
    return Descriptors(values=values, xy=xy, size_px=size_px, strength=strength)
