"""Dense keypoints: where square blocks of one width lie in a representation.

A keypoint sits on a corner between four representation pixels, so that a block of even width covers whole pixels.
Corner number c lies between pixels c - 1 and c; in the image it is the coordinate ``stride * c - 0.5``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crosslight.types import Descriptors, Float32


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


def step_cells(step_px: int, stride: int) -> int:
    """Return the step in representation pixels: whole, and at least 1."""
    return max(1, round(step_px / stride))


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
