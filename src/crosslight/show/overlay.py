"""A query laid over a repository image: windows, checkerboards and blends.

All matrices are 2 x 3 and map (x, y) with pixel centres on whole numbers.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from crosslight.show.palette import INK, PANEL, Colour
from crosslight.show.raster import Rgb
from crosslight.types import Float32, Float64

SUBPIXEL_BITS = 4  # cv2 takes points as integers with so many binary places
N_CHECKS = 6  # squares along the short side of a query
SMALL_WINDOW_PX = 28.0  # a window drawn smaller than this gets a ring around it, and no dart


def compose(second: Float64, first: Float64) -> Float64:
    """Return the matrix that does `first`, then `second`."""
    linear = second[:, :2] @ first[:, :2]
    return np.hstack([linear, (second[:, :2] @ first[:, 2] + second[:, 2])[:, None]])


def zoom_matrix(left: float, top: float, zoom: float) -> Float64:
    """Return the matrix from image pixels to a view that begins at the edge (left, top) and enlarges by `zoom`."""
    return np.array([[zoom, 0.0, zoom * (0.5 - left) - 0.5], [0.0, zoom, zoom * (0.5 - top) - 0.5]])


def warp_into(rgb: Rgb, matrix: Float64, height_px: int, width_px: int) -> tuple[Rgb, Float32]:
    """Show a picture through a matrix, averaging where it shrinks.

    Returns
    -------
    view : ndarray of shape (height_px, width_px, 3), uint8
    cover : ndarray of shape (height_px, width_px), float32
        1 where the picture is, 0 beside it, in between at its edge.
    """
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    if scale < 0.8:
        height, width = rgb.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        kx, ky = width / size[0], height / size[1]
        matrix = compose(matrix, np.array([[kx, 0, (kx - 1) / 2], [0, ky, (ky - 1) / 2]]))
    size = (width_px, height_px)
    view = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    full = np.ones(rgb.shape[:2], np.float32)
    return np.asarray(view, dtype=np.uint8), np.asarray(cv2.warpAffine(full, matrix, size), dtype=np.float32)


def show_part(rgb: Rgb, matrix: Float64, height_px: int, width_px: int) -> Rgb:
    """Show a picture through a matrix; beside it there is the quiet background of a panel."""
    view, cover = warp_into(rgb, matrix, height_px, width_px)
    return mix(np.broadcast_to(np.array(PANEL, np.uint8), view.shape), view, cover)


def mix(below: Rgb, above: Rgb, opacity: Float32) -> Rgb:
    """Lay `above` over `below` with an opacity in [0, 1] per pixel, of shape (H, W)."""
    a = opacity[:, :, None]
    return np.clip(np.rint(below * (1 - a) + above * a), 0, 255).astype(np.uint8)


def checkerboard(matrix: Float64, query_hw: tuple[int, int], height_px: int, width_px: int) -> Float32:
    """Return (height_px, width_px) of 0 and 1: squares that are turned and sized with the query."""
    inverse = cv2.invertAffineTransform(matrix)
    rows, cols = np.mgrid[0:height_px, 0:width_px]
    x, y = (inverse[i, 0] * cols + inverse[i, 1] * rows + inverse[i, 2] + 0.5 for i in range(2))
    side = min(query_hw) / N_CHECKS
    return np.asarray((np.floor(x / side) + np.floor(y / side)) % 2, dtype=np.float32)


def draw_window(
    rgb: Rgb, corners_xy: Float64, colour: Colour, *, thickness_px: int = 3, dashed: bool = False, top: bool = True
) -> Rgb:
    """Outline a query's window, with a dart on its top side.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        Left unchanged.
    corners_xy : ndarray of shape (4, 2)
        Top-left, top-right, bottom-right, bottom-left of the query; they may lie outside the picture.
    colour : tuple of int
        See `palette`.
    thickness_px : int
        Of the line; a dark edge comes on top, so that it shows on any ground.
    dashed : bool
        A broken line.
    top : bool
        Whether to mark the top side.
    """
    drawn = rgb.copy()
    for line_colour, extra in ((INK, 2), (colour, 0)):
        for start, end in zip(corners_xy, np.roll(corners_xy, -1, axis=0), strict=True):
            for a, b in _dashes(start, end, 4.0 * thickness_px) if dashed else [(start, end)]:
                cv2.line(drawn, _fixed(a), _fixed(b), line_colour, thickness_px + extra, cv2.LINE_AA, SUBPIXEL_BITS)
    side = max(np.linalg.norm(corners_xy[1] - corners_xy[0]), np.linalg.norm(corners_xy[2] - corners_xy[1]))
    if side < SMALL_WINDOW_PX:
        _draw_ring(drawn, corners_xy.mean(axis=0), colour, thickness_px)
    elif top:
        _draw_dart(drawn, corners_xy, colour, thickness_px)
    return drawn


def mark_point(rgb: Rgb, point_xy: Float64, colour: Colour, *, thickness_px: int = 3) -> Rgb:
    """Ring a place whose window is not known."""
    drawn = rgb.copy()
    _draw_ring(drawn, point_xy, colour, thickness_px)
    return drawn


def _fixed(point: Float64) -> tuple[int, int]:
    x, y = np.clip(point, -1e6, 1e6) * (1 << SUBPIXEL_BITS)
    return round(float(x)), round(float(y))


def _dashes(start: Float64, end: Float64, length_px: float) -> list[tuple[Float64, Float64]]:
    n = max(1, round(float(np.linalg.norm(end - start)) / (2 * length_px)))
    cuts = np.linspace(0, 1, 2 * n + 1)[:, None]
    points = start + (end - start) * cuts
    return list(zip(points[0:-1:2], points[1::2], strict=True))


def _draw_dart(rgb: Rgb, corners_xy: Float64, colour: Colour, thickness_px: int) -> None:
    """Fill a small triangle that stands on the middle of the top side and points away from the window."""
    middle = (corners_xy[0] + corners_xy[1]) / 2
    outward = corners_xy[0] - corners_xy[3]
    length = float(np.linalg.norm(outward))
    if length == 0:
        return
    outward = outward / length
    along = np.array([-outward[1], outward[0]])
    for line_colour, extra in ((INK, 1.5), (colour, 0.0)):
        size = 3.2 * thickness_px + 2 + extra
        tip = middle + outward * (size * 1.25 + extra)
        triangle = np.array([_fixed(p) for p in (tip, middle + along * size, middle - along * size)], np.int32)
        cv2.fillPoly(rgb, [triangle], line_colour, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_ring(rgb: Rgb, center_xy: Float64, colour: Colour, thickness_px: int) -> None:
    radius = round(SMALL_WINDOW_PX * (1 << SUBPIXEL_BITS))
    for line_colour, extra in ((INK, 2), (colour, 0)):
        cv2.circle(rgb, _fixed(center_xy), radius, line_colour, thickness_px + extra, cv2.LINE_AA, SUBPIXEL_BITS)
