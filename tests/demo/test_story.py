from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crosslight.demo.earth import Patch, Tile, to_world_xy
from crosslight.demo.story import COLUMNS, answer_row, write_story
from crosslight.demo.world import Answer, judge
from crosslight.geometry import window_corners
from crosslight.show.canvas import save_picture
from crosslight.types import Hit, Image, Placement, Ranking


def make_answer(off_px: float | None) -> Answer:
    """Return the answer to a patch at 30 N, 60 E, found so far off, or not at all."""
    truth = Placement(center_xy=to_world_xy(60, 30), angle_deg=170.0, scale=1.0, similarity=1.0)
    patch = Patch(image=Image(pixels=np.zeros((192, 192, 1), np.uint8), name="relief_1"), placement=truth)
    if off_px is None:
        return judge(patch, Ranking(query="relief_1", hits=[]), {})
    tile = Tile(image=Image(pixels=np.zeros((900, 900, 3), np.uint8), name="tile"), origin_xy=(3000, 600))
    x, y = truth.center_xy
    place = Placement(center_xy=(x - 3000 + off_px, y - 600), angle_deg=-175.0, scale=1.0, similarity=0.4)
    corners = window_corners(place, 192, 192)
    hit = Hit(image="tile", rank=1, similarity=0.4, confidence=0.9, placement=place, corners_xy=corners)
    return judge(patch, Ranking(query="relief_1", hits=[hit]), {"tile": tile})


@pytest.mark.parametrize(
    ("off_px", "words"),
    [
        (15.0, ("30.0 N, 60.0 E", "30.0 N, 61.0 E", "1.00°", "15.0°", "0.400", "90%", "right")),
        (150.0, ("30.0 N, 60.0 E", "30.0 N, 70.0 E", "10.00°", "15.0°", "0.400", "90%", "wrong")),
        (None, ("30.0 N, 60.0 E", "", "", "", "", "", "not found")),
    ],
)
def test_row_sets_the_answer_beside_the_truth(off_px: float | None, words: tuple[str, ...]) -> None:
    row = answer_row(make_answer(off_px))
    assert row == ("relief_1", *words)
    assert len(row) == len(COLUMNS)


def test_story_counts_what_was_found_and_leaves_out_pictures_that_are_missing(tmp_path: Path) -> None:
    world = tmp_path / "world.png"
    save_picture(np.zeros((40, 80, 3), np.uint8), world)
    missing = tmp_path / "missing.png"
    answers = [make_answer(3.0), make_answer(300.0), make_answer(None)]
    page = tmp_path / "index.html"
    write_story(page, answers, world=world, closer=missing, preview=missing, seconds={"train": 120.0})
    text = page.read_text(encoding="utf-8")
    assert "1 of 3 grey relief patches" in text
    assert text.count("<img") == 1
    assert "train 120 s" in text
