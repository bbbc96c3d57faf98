"""Similarity transforms between a query and a repository image.

Points are ``(x, y)``, pixel centres on whole numbers, y down. A positive angle turns counter-clockwise as seen on the
screen, so the query's x axis points to ``(cos a, -sin a)``.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32, Float64, Image, Placement

MAX_WARP_CHANNELS = 4  # cv2.warpAffine takes no more


def wrap_angle(angle_deg: float) -> float:
    """Return the same angle within (-180, 180] degrees."""
    wrapped = (angle_deg + 180.0) % 360.0 - 180.0
    return 180.0 if wrapped == -180.0 else wrapped


def rotation_matrix(angle_deg: float) -> Float64:
    """Return the (2, 2) matrix that turns (x, y) offsets counter-clockwise on the screen."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[c, s], [-s, c]])


def query_axes(angle_deg: float, scale: float, flipped: bool) -> Float64:
    """Return the (2, 2) matrix from query offsets (x, y) to repository offsets: mirrored, turned, scaled."""
    linear = scale * rotation_matrix(angle_deg)
    return linear * [-1.0, 1.0] if flipped else linear


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
    linear = query_axes(placement.angle_deg, placement.scale, placement.flipped)
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


def window_outline(placement: Placement, corners_xy: Float64) -> Float64:
    """Return the outer edge of a window whose corner pixels have their centres at `corners_xy`.

    It runs half a query pixel outside the centres.

    Returns
    -------
    outline_xy : ndarray of shape (4, 2), float64
        In the order of `corners_xy`; pixel centres on whole numbers, as everywhere.
    """
    outward = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    return corners_xy + outward @ query_axes(placement.angle_deg, placement.scale, placement.flipped).T


def rotated_extent(height: float, width: float, angle_deg: float) -> tuple[float, float]:
    """Return (height, width) of the smallest upright box around a turned rectangle."""
    c, s = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    return height * c + width * s, width * c + height * s


def warp_window(
    pixels: NDArray[Any], matrix: Float64, height_px: int, width_px: int, *, cubic: bool = False
) -> Float32:
    """Read a turned window out of an image; what lies outside is mirrored.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, C), any numeric dtype
        The image; only the part under the window is touched.
    matrix : ndarray of shape (2, 3), float64
        From window (x, y) to image (x, y).
    height_px, width_px : int
        Size of the window.
    cubic : bool
        Bicubic instead of bilinear interpolation.

    Returns
    -------
    window : ndarray of shape (height_px, width_px, C), float32
    """
    corners = apply_matrix(matrix, np.array([[0, 0], [width_px, 0], [0, height_px], [width_px, height_px]], float))
    # A small part, since cv2 reads at most 32,767 px a side; at least one pixel, for windows far outside.
    x0, y0 = (int(np.clip(v - 4, 0, n - 1)) for v, n in zip(corners.min(axis=0), pixels.shape[1::-1], strict=True))
    x1, y1 = (int(np.clip(v + 5, 1, n)) for v, n in zip(corners.max(axis=0), pixels.shape[1::-1], strict=True))
    source = pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].astype(np.float32)
    local = matrix.copy()
    local[:, 2] -= (x0, y0)
    flags = (cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    parts = [
        cv2.warpAffine(
            np.ascontiguousarray(source[:, :, c : c + MAX_WARP_CHANNELS]),
            local,
            (width_px, height_px),
            flags=flags,
            borderMode=cv2.BORDER_REFLECT_101,
        ).reshape(height_px, width_px, -1)
        for c in range(0, source.shape[2], MAX_WARP_CHANNELS)
    ]
    return np.concatenate(parts, axis=2).astype(np.float32, copy=False)


def cut_window(image: Image, placement: Placement, height_px: int, width_px: int, name: str) -> Image:
    """Cut the window that a query with this placement would show, in the image's own dtype (bicubic)."""
    matrix = query_to_repository(placement, height_px, width_px)
    values = warp_window(image.pixels, matrix, height_px, width_px, cubic=True)
    if image.pixels.dtype.kind == "u":
        values = np.clip(np.rint(values), 0, np.iinfo(image.pixels.dtype).max)
    mpp = None if image.mpp is None else image.mpp * placement.scale
    return Image(pixels=values.astype(image.pixels.dtype), name=name, mpp=mpp)


def mirror_indices(start: int, count: int, size: int) -> NDArray[np.intp]:
    """Return `count` indices from `start`, mirrored into [0, size) without repeating the edge."""
    period = max(1, 2 * (size - 1))
    index = np.arange(start, start + count) % period
    return np.where(index < size, index, period - index)
