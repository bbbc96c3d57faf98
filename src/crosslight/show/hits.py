"""One picture that answers one query: the query, where it lies, how well it fits, and the best hits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from crosslight.geometry import apply_matrix, query_to_repository
from crosslight.show.canvas import Canvas, fit, text_width
from crosslight.show.comparison import compare, compare_representations, show_query
from crosslight.show.overlay import draw_window, mark_point
from crosslight.show.palette import FAINT, FOUND, QUERY, Colour
from crosslight.show.raster import Rgb, to_rgb
from crosslight.show.words import say_degrees, say_share
from crosslight.types import Hit, Image, Ranking, Representation

WIDTH_PX, EDGE_PX, GAP_PX = 2040, 44, 24
CONTENT_PX = WIDTH_PX - 2 * EDGE_PX
PANEL_PX = (CONTENT_PX - 3 * GAP_PX) // 4
HEADER_PX, LABEL_PX, CAPTION_PX = 118, 40, 132
MIN_COLUMNS = 5  # fewer hits are drawn no larger than five
TITLE, BODY, SMALL = 36, 22, 19  # letter sizes in pixels


def draw_ranking(
    query: Image, ranking: Ranking, load: Callable[[str], Image], path: Path, *, n_hits: int = 5,
    representations: tuple[Representation, Representation] | None = None,
    center_xy: tuple[float, float] | None = None,
) -> None:  # fmt: skip
    """Draw the answer to one query.

    The first row shows the query, the place where the best hit lies, both in squares, and one half over the other; the
    last row shows the best hits whole, each with the window found in it. A ranking that was not aligned has no places:
    then there are the query and the hits only.

    Parameters
    ----------
    query : Image
        What was asked with.
    ranking : Ranking
        Its hits; there may be none.
    load : callable
        From a repository image's name to its pixels.
    path : Path
        The picture to write: .png, .jpg, .webp or .tif.
    n_hits : int
        How many hits to show.
    representations : tuple of Representation, optional
        Of the query and of the best hit's image, for a second row that compares them as the networks see them.
    center_xy : tuple of float, optional
        Where the best hit lies in the image that its image was cut out of, to be said instead.

    Raises
    ------
    InputError
        If the name of the picture asks for an unknown format.
    """
    hits = list(ranking.hits[:n_hits])
    images = [load(hit.image) for hit in hits]
    placed = bool(hits) and hits[0].placement is not None
    rows = [_comparison_row(query, hits, images, None)]
    if placed and representations is not None:
        rows.append(_comparison_row(query, hits, images, representations))
    n_columns = max(MIN_COLUMNS, len(hits))
    tile_px = (CONTENT_PX - (n_columns - 1) * GAP_PX) // n_columns
    tiles = [show_hit(image, hit, tile_px) for image, hit in zip(images, hits, strict=True)]
    tile_height = max((tile.shape[0] for tile in tiles), default=-LABEL_PX - CAPTION_PX)
    row_px = LABEL_PX + PANEL_PX + GAP_PX
    canvas = Canvas(WIDTH_PX, HEADER_PX + len(rows) * row_px + LABEL_PX + tile_height + CAPTION_PX)
    _write_header(canvas, query, ranking, center_xy, placed=placed)
    for i, row in enumerate(rows):
        _lay_row(canvas, HEADER_PX + i * row_px, row)
    _lay_hits(canvas, HEADER_PX + len(rows) * row_px, hits, tiles, (tile_px, tile_height))
    canvas.save(path)


def show_hit(image: Image, hit: Hit, size_px: int, colour: Colour = FOUND) -> Rgb:
    """Return a repository image scaled into a square of `size_px`, with the window found in it."""
    return mark_hit(to_rgb(image, max_px=4 * size_px), (image.height_px, image.width_px), hit, size_px, colour)


def mark_hit(rgb: Rgb, full_hw: tuple[int, int], hit: Hit, size_px: int, colour: Colour = FOUND) -> Rgb:
    """Scale a picture of a whole image into a square of `size_px` and draw the window found in it.

    Parameters
    ----------
    rgb : ndarray of shape (h, w, 3), uint8
        The image at any size.
    full_hw : tuple of int
        Height and width of the full-resolution image.
    hit : Hit
        Where a hit has a place but no corners, since its query's size is not known, the place is ringed.
    size_px : int
        Longest side of the result.
    colour : tuple of int
        Of the window.
    """
    rgb = fit(rgb, size_px, size_px)
    ky, kx = (shown / full for shown, full in zip(rgb.shape[:2], full_hw, strict=True))
    to_tile = np.array([[kx, 0, (kx - 1) / 2], [0, ky, (ky - 1) / 2]])
    if hit.corners_xy is not None:
        return draw_window(rgb, apply_matrix(to_tile, hit.corners_xy), colour)
    if hit.placement is not None:
        return mark_point(rgb, apply_matrix(to_tile, np.array([hit.placement.center_xy]))[0], colour)
    return rgb


def _comparison_row(
    query: Image, hits: Sequence[Hit], images: Sequence[Image],
    representations: tuple[Representation, Representation] | None,
) -> list[tuple[str, Rgb]]:  # fmt: skip
    """Return up to four labelled panels, of the images or of their representations."""
    query_rgb = to_rgb(query)
    label = f"query, {query.width_px} \N{MULTIPLICATION SIGN} {query.height_px} px"
    if not hits or (place := hits[0].placement) is None:
        return [(label, show_query(query_rgb, PANEL_PX))]
    matrix = query_to_repository(place, query.height_px, query.width_px)
    labels = [label, f"best hit: {hits[0].image}", "checkerboard", "half and half"]
    if representations is None:
        c = compare(query_rgb, images[0], matrix, PANEL_PX)
    else:
        c = compare_representations(*representations, matrix, PANEL_PX)
        labels = ["its representation"] * 2 + labels[2:]
    return list(zip(labels, (c.query, c.place, c.checks, c.blend), strict=True))


def _write_header(
    canvas: Canvas, query: Image, ranking: Ranking, center_xy: tuple[float, float] | None, *, placed: bool
) -> None:
    canvas.text(EDGE_PX, 34, f"Where is {query.name}?", TITLE, bold=True, width_px=CONTENT_PX * 0.7)
    answer = ranking.note
    if ranking.found is False:
        answer = f"probably not in this repository; {answer}"
    elif not ranking.hits:
        answer = "nothing was found" + (f"; {answer}" if answer else "")
    elif placed and (place := ranking.hits[0].placement) is not None:
        x, y = center_xy or place.center_xy
        answer = f"centre ({x:.1f}, {y:.1f}) px, turned by {say_degrees(place.angle_deg)}; {answer}"
    canvas.text(EDGE_PX, 84, answer, BODY, FAINT, width_px=CONTENT_PX)
    x = float(WIDTH_PX - EDGE_PX)
    for colour, word in ((FOUND, "found"), (QUERY, "query")) if placed else ():
        x -= text_width(word, BODY)
        canvas.text(x, 40, word, BODY)
        canvas.bar(round(x) - 40, 46, 28, 12, 1.0, colour)
        x -= 64


def _lay_row(canvas: Canvas, y: int, panels: Sequence[tuple[str, Rgb]]) -> None:
    for i, (label, rgb) in enumerate(panels):
        x = EDGE_PX + i * (PANEL_PX + GAP_PX)
        canvas.text(x, y + 8, label, BODY, width_px=PANEL_PX)
        canvas.panel(rgb, x, y + LABEL_PX, PANEL_PX, PANEL_PX)


def _lay_hits(canvas: Canvas, y: int, hits: Sequence[Hit], tiles: Sequence[Rgb], box_px: tuple[int, int]) -> None:
    size, height = box_px
    for i, (hit, tile) in enumerate(zip(hits, tiles, strict=True)):
        x = EDGE_PX + i * (size + GAP_PX)
        indent = text_width(f"{hit.rank} ", BODY) + 8
        canvas.text(x, y + 8, str(hit.rank), BODY, FAINT)
        canvas.text(x + indent, y + 8, hit.image, BODY, bold=i == 0, width_px=size - indent)
        canvas.panel(tile, x, y + LABEL_PX, size, height)
        below = y + LABEL_PX + height + 14
        canvas.text(x, below, f"similarity {hit.similarity:.3f}", SMALL)
        if hit.placement is not None:
            canvas.text(x + size, below, say_degrees(hit.placement.angle_deg), SMALL, FAINT, anchor="ra")
        canvas.text(x, below + 30, f"confidence {say_share(hit.confidence)}", SMALL)
        canvas.bar(x, below + 64, size, 10, hit.confidence, FOUND)
