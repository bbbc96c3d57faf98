"""Which part of an image a drawn shape means, and transforms as napari writes them: (row, column)."""

from __future__ import annotations

import math

import numpy as np

from crosslight.errors import InputError
from crosslight.types import Float64

RIGHT_ANGLE = 1e-3  # how far a rectangle's corners may be off, relative to its sides


def frame_shape(vertices_xy: Float64) -> tuple[Float64, int, int]:
    """Return the window that a shape drawn on an image means: a turned rectangle as it is, anything else its box.

    Parameters
    ----------
    vertices_xy : ndarray of shape (N, 2)
        Corners of the shape in image pixels, in order; or any points around it.

    Returns
    -------
    matrix : ndarray of shape (2, 3), float64
        From window pixels to image pixels, both (x, y). It turns by no more than 45 degrees, whatever corner the shape
        was drawn from: a window's top is the side that looks up.
    height_px, width_px : int
        Size of the window.

    Raises
    ------
    InputError
        If the shape has no area.
    """
    center, across, down = _axes(vertices_xy)
    width, height = (float(np.linalg.norm(side)) for side in (across, down))
    if min(width, height) < 1:
        raise InputError("The shape has no area; draw a rectangle around what shall be looked for.")
    width_px, height_px = max(1, round(width)), max(1, round(height))
    linear = np.stack([across / width, down / height], axis=1)
    offset = center - linear @ np.array([(width_px - 1) / 2, (height_px - 1) / 2])
    return np.hstack([linear, offset[:, None]]), height_px, width_px


def to_affine(matrix_xy: Float64) -> Float64:
    """Return a 2 x 3 matrix of points (x, y) as the 3 x 3 matrix of points (row, column) that napari takes."""
    full = np.vstack([matrix_xy, [0.0, 0.0, 1.0]])
    swap = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    return np.asarray(swap @ full @ swap)


def _axes(vertices_xy: Float64) -> tuple[Float64, Float64, Float64]:
    """Return the centre, and the vectors along the top side (rightwards) and along the left side (downwards)."""
    if len(vertices_xy) == 4 and _is_rectangle(vertices_xy):
        one, other = vertices_xy[1] - vertices_xy[0], vertices_xy[2] - vertices_xy[1]
        across = one if _slope(one) <= _slope(other) else other
        down = other if across is one else one
        across = across if across[0] > 0 else -across
        return vertices_xy.mean(axis=0), across, down if down[1] > 0 else -down
    low, high = vertices_xy.min(axis=0), vertices_xy.max(axis=0)
    width, height = high - low
    return (low + high) / 2, np.array([width, 0.0]), np.array([0.0, height])


def _slope(vector: Float64) -> float:
    """Return the angle to the horizontal, 0 to 90 degrees."""
    return abs(math.degrees(math.atan2(abs(vector[1]), abs(vector[0]))))


def _is_rectangle(corners_xy: Float64) -> bool:
    one, other = corners_xy[1] - corners_xy[0], corners_xy[2] - corners_xy[1]
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    closes = np.allclose(corners_xy[0] + other, corners_xy[3], atol=RIGHT_ANGLE * max(1.0, math.sqrt(size)))
    return closes and size > 0 and abs(float(one @ other)) <= RIGHT_ANGLE * size
