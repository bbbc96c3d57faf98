"""The picture of the demonstration: the map of the world, the patches asked with, and where each was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from crosslight.demo.earth import PX_PER_DEGREE, WIDTH_PX, Earth, Patch, Tile, distance_px, say_lon_lat, to_lon_lat
from crosslight.geometry import apply_matrix
from crosslight.show.canvas import Canvas, text_width
from crosslight.show.overlay import compose, draw_window, zoom_matrix
from crosslight.show.palette import FAINT, HAIRLINE, INK, PAPER, TRUTH, WRONG, Colour
from crosslight.show.raster import Rgb, to_rgb
from crosslight.types import Float64, Hit, Ranking

RIGHT_SHARE = 0.25  # an answer is right when its centre is off by less than this share of the patch's side
SHEET_PX, EDGE_PX, GAP_PX = 2200, 48, 40
HEADER_PX, PATCH_PX, LABEL_PX, LINES_PX = 150, 210, 76, 80  # LINES_PX: between patches and map
SHOWN_ROWS_PX = (60, 2460)  # of the world: 86 N to 74 S
BRIGHTEN = 0.75  # exponent: the deep sea of the true-colour image is nearly black
TITLE, BODY, SMALL = 40, 24, 20  # letter sizes in pixels
MISSED = HAIRLINE  # the truth where the answer is wrong; shows on the dark map


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What was found for one patch, in world pixels; without a hit the places are None."""

    patch: Patch
    hit: Hit | None
    center_xy: tuple[float, float] | None
    corners_xy: Float64 | None

    @property
    def error_px(self) -> float:
        """Distance from the truth to the place found; infinite without one."""
        if self.center_xy is None:
            return float("inf")
        return distance_px(self.center_xy, self.patch.placement.center_xy)

    @property
    def right(self) -> bool:
        """Whether the best hit is the place that the patch was cut from."""
        return self.error_px < RIGHT_SHARE * self.patch.image.width_px


def judge(patch: Patch, ranking: Ranking, tiles: Mapping[str, Tile]) -> Answer:
    """Set the best hit of a ranking against the truth; `tiles` are those indexed, by name."""
    hit = ranking.hits[0] if ranking.hits else None
    if hit is None or hit.placement is None or hit.corners_xy is None:
        return Answer(patch=patch, hit=hit, center_xy=None, corners_xy=None)
    tile = tiles[hit.image]
    x, y = tile.to_world(np.array([hit.placement.center_xy]))[0]
    return Answer(patch=patch, hit=hit, center_xy=(float(x), float(y)), corners_xy=tile.to_world(hit.corners_xy))


def draw_world(earth: Earth, answers: Sequence[Answer]) -> Rgb:
    """Draw the map with all answers; the patches stand around it, the northern above and the southern below.

    Returns
    -------
    sheet : ndarray of shape (H, 2200, 3), uint8
    """
    first, last = SHOWN_ROWS_PX
    zoom = (SHEET_PX - 2 * EDGE_PX) / WIDTH_PX
    map_y = HEADER_PX + LABEL_PX + PATCH_PX + LINES_PX
    below_y = map_y + round((last - first) * zoom) + LINES_PX
    sheet = Canvas(SHEET_PX, below_y + PATCH_PX + LABEL_PX + EDGE_PX)
    sheet.paste(_show_map(earth, zoom), EDGE_PX, map_y)
    _write_header(sheet, answers)
    north, south = _arrange(answers)
    boxes = [
        *_lay_patches(sheet, north, HEADER_PX + LABEL_PX, HEADER_PX),
        *_lay_patches(sheet, south, below_y, below_y + PATCH_PX + 16),
    ]
    to_sheet = compose(np.array([[1.0, 0, EDGE_PX], [0, 1.0, map_y]]), zoom_matrix(0, first, zoom))
    return _draw_places(sheet.to_rgb(), [*north, *south], boxes, to_sheet)


def colour_of(answer: Answer) -> Colour:
    """Return the colour of a right or wrong answer."""
    return TRUTH if answer.right else WRONG


def describe_answer(answer: Answer) -> str:
    """Say in a few words where a patch was found."""
    if answer.center_xy is None or answer.hit is None:
        return "not found"
    if answer.right:
        return f"found, {answer.error_px / PX_PER_DEGREE:.2f}° off"
    return f"taken for {say_lon_lat(*to_lon_lat(*answer.center_xy))}"


def _show_map(earth: Earth, zoom: float) -> Rgb:
    first, last = SHOWN_ROWS_PX
    size = (round(WIDTH_PX * zoom), round((last - first) * zoom))
    part = cv2.resize(to_rgb(earth.a)[first:last], size, interpolation=cv2.INTER_AREA)
    return np.rint(255 * (part.astype(np.float32) / 255) ** BRIGHTEN).astype(np.uint8)


def _arrange(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Split the answers into the northern and the southern half, each from west to east, so that few lines cross."""
    by_latitude = sorted(answers, key=lambda a: a.patch.placement.center_xy[1])
    half = (len(answers) + 1) // 2
    north, south = (
        sorted(part, key=lambda a: a.patch.placement.center_xy[0]) for part in (by_latitude[:half], by_latitude[half:])
    )
    return north, south


def _write_header(sheet: Canvas, answers: Sequence[Answer]) -> None:
    n_right = sum(a.right for a in answers)
    sheet.text(EDGE_PX, 36, "Where on Earth is this?", TITLE, bold=True)
    line = f"{n_right} of {len(answers)} grey relief patches found in the true-colour image; none was trained on."
    sheet.text(EDGE_PX, 94, line, BODY, FAINT)
    x = float(SHEET_PX - EDGE_PX)
    for colour, word in ((MISSED, "truth, where missed"), (WRONG, "found, wrong"), (TRUTH, "found, right")):
        x -= text_width(word, BODY)
        sheet.text(x, 46, word, BODY)
        sheet.bar(round(x) - 42, 54, 30, 12, 1.0, colour)
        x -= 76


def _lay_patches(sheet: Canvas, answers: Sequence[Answer], y: int, label_y: int) -> list[Float64]:
    """Lay out a row of patches with their labels; return the corners of each, (4, 2)."""
    n = max(1, len(answers))
    size = min(PATCH_PX, (SHEET_PX - 2 * EDGE_PX) // n - GAP_PX)
    column = (SHEET_PX - 2 * EDGE_PX) // n
    boxes = []
    for i, answer in enumerate(answers):
        x = EDGE_PX + i * column + (column - size) // 2
        sheet.panel(to_rgb(answer.patch.image), x, y, size, size)
        lines = (
            (say_lon_lat(*answer.patch.lon_lat), INK),
            (describe_answer(answer), colour_of(answer)),
        )
        for k, (line, colour) in enumerate(lines):
            sheet.text(x + size / 2, label_y + k * 27, line, SMALL, colour, anchor="ma", width_px=column - 8)
        x0, y0 = x - 0.5, y - 0.5
        boxes.append(np.array([[x0, y0], [x0 + size, y0], [x0 + size, y0 + size], [x0, y0 + size]]))
    return boxes


def _draw_places(rgb: Rgb, answers: Sequence[Answer], boxes: Sequence[Float64], to_sheet: Float64) -> Rgb:
    """Outline the patches and their places on the map, and join each patch with its place."""
    drawn = rgb.copy()
    for answer, box in zip(answers, boxes, strict=True):
        if answer.center_xy is not None:
            middle = apply_matrix(to_sheet, np.array([answer.center_xy]))[0]
            edge = box[[0, 1]].mean(axis=0) if middle[1] < box[0, 1] else box[[2, 3]].mean(axis=0)
            way = middle - edge
            radius = to_sheet[0, 0] * answer.patch.image.width_px / 2
            end = middle - way * min(1.0, radius / max(1.0, float(np.hypot(*way))))
            for colour, thickness in ((PAPER, 4), (colour_of(answer), 2)):
                cv2.line(drawn, _whole(edge), _whole(end), colour, thickness, cv2.LINE_AA)
    for answer, box in zip(answers, boxes, strict=True):
        drawn = draw_window(drawn, box, colour_of(answer), top=answer.right)
        if not answer.right:
            drawn = draw_window(drawn, apply_matrix(to_sheet, answer.patch.corners_xy), MISSED, dashed=True, top=False)
        if answer.corners_xy is not None:
            drawn = draw_window(drawn, apply_matrix(to_sheet, answer.corners_xy), colour_of(answer))
    return drawn


def _whole(point: Float64) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
