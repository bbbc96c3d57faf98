from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crosslight.demo.earth import WIDTH_PX, Earth, Patch, Tile
from crosslight.demo.world import SHEET_PX, Answer, describe_answer, draw_world, judge
from crosslight.geometry import window_corners
from crosslight.types import Hit, Image, Placement, Ranking


def make_earth() -> Earth:
    a = np.full((2700, WIDTH_PX, 3), 40, np.uint8)
    return Earth(
        a=Image(pixels=a, name="A"),
        b=Image(pixels=a[:, :, :1], name="relief"),
        land=a[:, :, 0] > 0,
        sea=a[:, :, 0] == 0,
    )


def make_patch(x: float, y: float, angle_deg: float = 40.0) -> Patch:
    place = Placement(center_xy=(x, y), angle_deg=angle_deg, scale=1.0, similarity=1.0)
    return Patch(image=Image(pixels=np.full((192, 192, 1), 128, np.uint8), name="relief_1"), placement=place)


def make_tile(x: int, y: int) -> Tile:
    return Tile(image=Image(pixels=np.zeros((900, 900, 3), np.uint8), name="tile"), origin_xy=(x, y))


def find(patch: Patch, tile: Tile, center_xy: tuple[float, float]) -> Answer:
    place = replace(patch.placement, center_xy=center_xy)
    hit = Hit(
        image="tile", rank=1, similarity=0.5, confidence=0.7, placement=place,
        corners_xy=window_corners(place, 192, 192),
    )  # fmt: skip
    return judge(patch, Ranking(query="relief_1", hits=[hit]), {"tile": tile})


def test_hit_at_the_truth_is_right() -> None:
    answer = find(make_patch(3500, 900), make_tile(3000, 600), (510.0, 300.0))
    assert answer.right
    assert answer.error_px == pytest.approx(10)
    assert "found" in describe_answer(answer)


def test_hit_elsewhere_is_wrong_and_says_where() -> None:
    answer = find(make_patch(3500, 900), make_tile(0, 600), (509.5, 299.5))
    assert not answer.right
    assert describe_answer(answer) == "taken for 30.0 N, 146.0 W"


def test_no_hit_is_not_found() -> None:
    answer = judge(make_patch(3500, 900), Ranking(query="relief_1", hits=[]), {})
    assert not answer.right
    assert describe_answer(answer) == "not found"


@pytest.mark.parametrize("n", [0, 1, 9])
def test_world_is_drawn_with_any_number_of_answers(n: int) -> None:
    tile = make_tile(3000, 600)
    patches = [make_patch(3200 + 60 * i, 700 + 80 * i) for i in range(n)]
    answers = [find(p, tile, (200.0 + 90 * i, 100.0 + 80 * i)) for i, p in enumerate(patches)]
    answers += [judge(p, Ranking(query="relief_1", hits=[]), {}) for p in patches[:1]]
    sheet = draw_world(make_earth(), answers)
    assert sheet.shape[1:] == (SHEET_PX, 3)
    assert sheet.dtype == np.uint8
