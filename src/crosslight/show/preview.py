"""preview.png: training pairs beside what the networks make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crosslight.show.canvas import Canvas
from crosslight.show.palette import FAINT
from crosslight.show.raster import measure_colours, representation_to_rgb, to_rgb
from crosslight.types import Image, Representation

TILE_PX, GAP_PX, EDGE_PX = 360, 16, 40
HEADER_PX, CAPTION_PX = 150, 40
TITLE, BODY, SMALL = 32, 21, 18  # letter sizes in pixels
COLUMNS = ("A", "B", "representation of A", "representation of B")


@dataclass(frozen=True, eq=False, kw_only=True)
class PreviewRow:
    """One pair with the representations of both its images."""

    name: str
    a: Image
    b: Image
    representation_a: Representation
    representation_b: Representation


def draw_preview(rows: Sequence[PreviewRow], path: Path) -> None:
    """Draw a table of pairs: A, B, and their representations in the same colours.

    Parameters
    ----------
    rows : sequence of PreviewRow
        One row of the picture each; none gives a picture with the headings only.
    path : Path
        The picture to write: .png, .jpg, .webp or .tif.
    """
    width = 2 * EDGE_PX + 4 * TILE_PX + 3 * GAP_PX
    canvas = Canvas(width, HEADER_PX + len(rows) * (TILE_PX + CAPTION_PX + GAP_PX) + EDGE_PX - GAP_PX)
    canvas.text(EDGE_PX, 30, "Pairs and their representations", TITLE, bold=True)
    canvas.text(EDGE_PX, 74, "The two on the right should look alike.", BODY, FAINT)
    for i, label in enumerate(COLUMNS):
        canvas.text(EDGE_PX + i * (TILE_PX + GAP_PX), HEADER_PX - 34, label, BODY, bold=True)
    representations = [r for row in rows for r in (row.representation_a, row.representation_b)]
    colours = measure_colours(representations) if representations else None
    for j, row in enumerate(rows):
        y = HEADER_PX + j * (TILE_PX + CAPTION_PX + GAP_PX)
        pictures = [
            to_rgb(row.a, max_px=2 * TILE_PX),
            to_rgb(row.b, max_px=2 * TILE_PX),
            representation_to_rgb(row.representation_a, colours),
            representation_to_rgb(row.representation_b, colours),
        ]
        for i, rgb in enumerate(pictures):
            canvas.panel(rgb, EDGE_PX + i * (TILE_PX + GAP_PX), y, TILE_PX, TILE_PX)
        canvas.text(EDGE_PX, y + TILE_PX + 10, row.name, SMALL, FAINT, width_px=width - 2 * EDGE_PX)
    canvas.save(path)
