"""Similarity transforms between a query and a repository image.

Points are ``(x, y)``, pixel centres on whole numbers, y down. A positive angle turns counter-clockwise as seen on the
screen, so the query's x axis points to ``(cos a, -sin a)``.
"""

from __future__ import annotations

import math

import numpy as np

from crosslight.types import Float64, Placement


def wrap_angle(angle_deg: float) -> float:
    """Return the same angle within (-180, 180] degrees."""
    wrapped = (angle_deg + 180.0) % 360.0 - 180.0
    return 180.0 if wrapped == -180.0 else wrapped


def rotation_matrix(angle_deg: float) -> Float64:
    """Return the (2, 2) matrix that turns (x, y) offsets counter-clockwise on the screen."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[c, s], [-s, c]])


def query_to_repository(placement: Placement, height_px: int, width_px: int) -> Float64:
    """Return the 2 x 3 matrix from query pixels to repository pixels.

    Parameters
    ----------
    placement : Placement
        Where the query lies.
    height_px, width_px : int
        Size of the query.

    Returns
    -------
    matrix : ndarray of shape (2, 3), float64
        ``matrix @ (x, y, 1)`` is the repository point under the query point (x, y).
    """
    linear = placement.scale * rotation_matrix(placement.angle_deg)
    center = np.array([(width_px - 1) / 2, (height_px - 1) / 2])
    offset = np.array(placement.center_xy) - linear @ center
    return np.hstack([linear, offset[:, None]])


def apply_matrix(matrix: Float64, points_xy: Float64) -> Float64:
    """Map points of shape (N, 2) through a 2 x 3 matrix."""
    return points_xy @ matrix[:, :2].T + matrix[:, 2]


def window_corners(placement: Placement, height_px: int, width_px: int) -> Float64:
    """Return the query's corner pixels in the repository image.

    Returns
    -------
    corners_xy : ndarray of shape (4, 2), float64
        Top-left, top-right, bottom-right, bottom-left of the query.
    """
    right, bottom = width_px - 1.0, height_px - 1.0
    corners = np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])
    return apply_matrix(query_to_repository(placement, height_px, width_px), corners)


def rotated_extent(height: float, width: float, angle_deg: float) -> tuple[float, float]:
    """Return (height, width) of the smallest upright box around a turned rectangle."""
    c, s = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    return height * c + width * s, width * c + height * s
