"""A query beside, in squares with, and half over the place where it was found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.geometry import apply_matrix
from crosslight.show.overlay import checkerboard, compose, draw_window, mix, show_part, warp_into, zoom_matrix
from crosslight.show.palette import FOUND, QUERY
from crosslight.show.raster import Rgb, measure_colours, measure_limits, representation_to_rgb, to_rgb
from crosslight.types import Float64, Image, Representation

MARGIN = 0.18  # of the window's extent, shown around it on every side


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Square pictures of one size, (S, S, 3) uint8: all but `query` show the same part of the repository image.

    Attributes
    ----------
    query, place, checks, blend : ndarray
        The query; the place where it lies; both in squares; one half over the other.
    layer : ndarray of shape (S, S, 4)
        The query as it lies there, with its opacity, to be laid over `place`.
    """

    query: Rgb
    place: Rgb
    checks: Rgb
    blend: Rgb
    layer: NDArray[np.uint8]


def show_query(query_rgb: Rgb, size_px: int) -> Rgb:
    """Return the query framed in its colour, its top side marked, in a square with a margin."""
    height, width = query_rgb.shape[:2]
    extent = max(height, width) * (1 + MARGIN)
    matrix = zoom_matrix((width - extent) / 2, (height - extent) / 2, size_px / extent)
    return draw_window(show_part(query_rgb, matrix, size_px, size_px), _outline(matrix, height, width), QUERY)


def compare(query_rgb: Rgb, image: Image, matrix: Float64, size_px: int) -> Comparison:
    """Show how well a query lies on a repository image.

    Parameters
    ----------
    query_rgb : ndarray of shape (h, w, 3), uint8
        The query as `to_rgb` shows it, all of it.
    image : Image
        The repository image; only the part around the query is rendered.
    matrix : ndarray of shape (2, 3), float64
        From query to repository pixels, `geometry.query_to_repository`.
    size_px : int
        Side of the four pictures.
    """
    height, width = query_rgb.shape[:2]
    corners = _outline(matrix, height, width)
    low, high = corners.min(axis=0), corners.max(axis=0)
    extent = max(1.0, float((high - low).max()) * (1 + 2 * MARGIN))
    left, top = (low + high + 1 - extent) / 2
    to_view = zoom_matrix(left, top, size_px / extent)
    place = _show_image(image, to_view, left, top, extent, size_px)
    laid, cover = warp_into(query_rgb, compose(to_view, matrix), size_px, size_px)
    checks = checkerboard(compose(to_view, matrix), (height, width), size_px, size_px)
    outline = apply_matrix(to_view, corners)
    return Comparison(
        query=show_query(query_rgb, size_px),
        place=draw_window(place, outline, FOUND),
        checks=draw_window(mix(place, laid, cover * checks), outline, FOUND, thickness_px=1),
        blend=draw_window(mix(place, laid, cover * 0.5), outline, FOUND, thickness_px=1),
        layer=np.dstack([laid, np.rint(255 * cover).astype(np.uint8)]),
    )


def compare_representations(query: Representation, image: Representation, matrix: Float64, size_px: int) -> Comparison:
    """Show how well a query's representation lies on an image's, both in the same colours.

    Parameters
    ----------
    query, image : Representation
        Of the query and of the repository image.
    matrix : ndarray of shape (2, 3), float64
        Between the pixels of the images themselves, `geometry.query_to_repository`.
    size_px : int
        Side of the pictures.
    """
    colours = measure_colours((query, image))
    between = compose(zoom_matrix(0, 0, 1 / image.stride), compose(matrix, zoom_matrix(0, 0, query.stride)))
    below = Image(pixels=representation_to_rgb(image, colours), name="")
    return compare(representation_to_rgb(query, colours), below, between, size_px)


def _outline(matrix: Float64, height_px: int, width_px: int) -> Float64:
    """Return the outer edges of a query (half a pixel outside its corner pixels' centres) through a matrix."""
    right, bottom = width_px - 0.5, height_px - 0.5
    return apply_matrix(matrix, np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]]))


def _show_image(image: Image, to_view: Float64, left: float, top: float, extent: float, size_px: int) -> Rgb:
    """Render only the square of an image that is looked at, in the tones of the whole."""
    x0, y0 = (int(np.clip(v - 2, 0, n - 1)) for v, n in ((left, image.width_px), (top, image.height_px)))
    x1, y1 = (
        int(np.clip(v + extent + 3, first + 1, n))
        for v, first, n in ((left, x0, image.width_px), (top, y0, image.height_px))
    )
    part = Image(pixels=image.pixels[y0:y1, x0:x1], name=image.name, mpp=image.mpp)
    rgb = to_rgb(part, limits=measure_limits(image))
    return show_part(rgb, compose(to_view, np.array([[1.0, 0, x0], [0, 1.0, y0]])), size_px, size_px)
