"""Pictures of a comparison: what each representation looks like, and the best and worst answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crosslight.evaluate.cells import CellResult
from crosslight.evaluate.matchers import picture_representation
from crosslight.evaluate.material import Images, Material
from crosslight.evaluate.queries import QueryKind
from crosslight.evaluate.tables import Labels
from crosslight.geometry import window_corners
from crosslight.show.canvas import Canvas, fit
from crosslight.show.hits import show_hit
from crosslight.show.palette import FAINT, QUERY, TRUTH, WRONG
from crosslight.show.raster import Rgb, measure_colours, representation_to_rgb, to_rgb
from crosslight.types import MODALITIES, Hit, Placement

TILE_PX, GAP_PX, FRAME_PX = 260, 16, 6
HEAD_PX, CAPTION_PX = 40, 58
BODY, SMALL = 20, 17
N_HITS, N_EXAMPLES = 5, 2


KINDS = tuple(QueryKind(modality=m, transformed=t, size="full") for m in MODALITIES for t in (False, True))


def draw_space(material: Material, names: Sequence[str], path: Path) -> None:
    """Draw a representation of a few pairs, one a row, a column for each of `KINDS`, in the same colours."""
    width = len(KINDS) * (TILE_PX + GAP_PX) - GAP_PX
    canvas = Canvas(width, len(names) * (TILE_PX + GAP_PX) - GAP_PX)
    for row, name in enumerate(names):
        shown = [material.ask(name, kind)[0].representation for kind in KINDS]
        known = [r for r in shown if r is not None]
        is_plain, colours = material.space is not None and material.space.is_plain, measure_colours(known)
        for column, representation in enumerate(known):
            plain = to_rgb(picture_representation(representation, name)) if is_plain else None
            rgb = representation_to_rgb(representation, colours) if plain is None else plain
            x, y = column * (TILE_PX + GAP_PX), row * (TILE_PX + GAP_PX)
            canvas.panel(rgb, x, y, TILE_PX, TILE_PX)
    canvas.save(path)


def head_space(drawn: Rgb, labels: Labels) -> Rgb:
    """Return what `draw_space` drew with a head over each column, which may be called otherwise in a later report."""
    canvas = Canvas(drawn.shape[1], HEAD_PX + drawn.shape[0])
    canvas.paste(drawn, 0, HEAD_PX)
    for column, kind in enumerate(KINDS):
        label = labels.of(kind.modality) + (", transformed" if kind.transformed else "")
        canvas.text(column * (TILE_PX + GAP_PX), 8, label, BODY, bold=True, width_px=TILE_PX)
    return canvas.to_rgb()


def choose_examples(cells: Sequence[CellResult], n: int = N_EXAMPLES) -> list[tuple[CellResult, int]]:
    """Return the `n` best and the `n` worst queries of some cells as (cell, number of the query).

    Best: right, with the largest lead over the second hit. Worst: the last ranks, or where too few are wrong, right
    ones with the smallest lead.
    """
    every = [(cell, i) for cell in cells for i in range(len(cell.queries))]

    def lead(one: tuple[CellResult, int]) -> float:
        first, second = [*one[0].similarities[one[1]], None, None][:2]
        return (first or 0.0) - (second or 0.0)

    right = sorted((e for e in every if e[0].ranks[e[1]] == 1), key=lead, reverse=True)
    wrong = sorted((e for e in every if e[0].ranks[e[1]] > 1), key=lambda e: e[0].ranks[e[1]], reverse=True)
    unclear = right[n:][::-1]
    return [*right[:n], *[*wrong, *unclear][:n]]


def draw_answers(examples: Sequence[tuple[CellResult, int]], images: Images, labels: Labels) -> Rgb:
    """Draw queries, one a row: what was asked, the true image with the window that was asked, and the best hits."""
    heads = ["asked", "true image", *(f"hit {i + 1}" for i in range(N_HITS))]
    columns = len(heads)
    row_px = TILE_PX + CAPTION_PX
    canvas = Canvas(columns * (TILE_PX + GAP_PX) - GAP_PX + 2 * FRAME_PX, HEAD_PX + len(examples) * row_px)
    for column, head in enumerate(heads):
        canvas.text(FRAME_PX + column * (TILE_PX + GAP_PX), 8, head, BODY, bold=True)
    for row, (cell, number) in enumerate(examples):
        y = HEAD_PX + row * row_px
        _draw_row(canvas, y, cell, number, images, labels)
    return canvas.to_rgb()


def _draw_row(canvas: Canvas, y: int, cell: CellResult, number: int, images: Images, labels: Labels) -> None:
    name, kind, repository = cell.queries[number], cell.cell.kind, cell.cell.repository
    query = images.query(name, kind)
    turned = "(T)" if kind.transformed else ""
    _tile(canvas, 0, y, to_rgb(query, max_px=2 * TILE_PX), QUERY)
    _caption(canvas, 0, y, f"{labels.of(kind.modality)}{turned} {name}", "")
    truth = Hit(image=name, rank=0, similarity=0.0, confidence=0.0, corners_xy=images.true_corners(name, kind))
    _tile(canvas, 1, y, show_hit(images.image(name, repository), truth, TILE_PX, TRUTH), TRUTH)
    _caption(canvas, 1, y, f"{labels.of(repository)} {name}", f"rank {cell.ranks[number]} of {len(cell.images)}")
    for place, image_number in enumerate(cell.top[number][:N_HITS]):
        hit_name = cell.images[image_number]
        is_right = hit_name == name
        hit = _hit(cell, number, place, query.height_px, query.width_px)
        shown = show_hit(images.image(hit_name, repository), hit, TILE_PX)
        _tile(canvas, place + 2, y, shown, TRUTH if is_right else WRONG)
        similarity = cell.similarities[number][place]
        words = "right" if is_right else "wrong"
        _caption(canvas, place + 2, y, hit_name, f"{words}, {similarity:.3f}" if similarity is not None else words)


def _hit(cell: CellResult, query: int, place: int, height_px: int, width_px: int) -> Hit:
    """Return a hit as pictures need it, with the query's corners where the method gave its place."""
    spot = cell.places[query][place] if cell.places is not None else None
    corners = None
    if spot is not None:
        placement = Placement(center_xy=(spot[0], spot[1]), angle_deg=spot[2], scale=1.0, similarity=0.0)
        corners = window_corners(placement, height_px, width_px)
    name = cell.images[cell.top[query][place]]
    return Hit(image=name, rank=place + 1, similarity=0.0, confidence=0.0, corners_xy=corners)


def _tile(canvas: Canvas, column: int, y: int, rgb: Rgb, colour: tuple[int, int, int]) -> None:
    x = FRAME_PX + column * (TILE_PX + GAP_PX)
    fitted = fit(rgb, TILE_PX - 2 * FRAME_PX, TILE_PX - 2 * FRAME_PX)
    framed = np.empty((fitted.shape[0] + 2 * FRAME_PX, fitted.shape[1] + 2 * FRAME_PX, 3), np.uint8)
    framed[:] = colour
    framed[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = fitted
    canvas.paste(framed, x + (TILE_PX - framed.shape[1]) // 2, y + (TILE_PX - framed.shape[0]) // 2)


def _caption(canvas: Canvas, column: int, y: int, first: str, second: str) -> None:
    x = FRAME_PX + column * (TILE_PX + GAP_PX)
    canvas.text(x, y + TILE_PX + 4, first, SMALL, width_px=TILE_PX)
    canvas.text(x, y + TILE_PX + 27, second, SMALL, FAINT, width_px=TILE_PX)


def pick_names(names: Sequence[str], n: int = N_EXAMPLES) -> list[str]:
    """Return at most `n` names, spread over the list."""
    return [names[round(i * (len(names) - 1) / max(1, n - 1))] for i in range(min(n, len(names)))]
