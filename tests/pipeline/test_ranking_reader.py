"""Rankings are read back as they were written, or refused with the line that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import crosslight
from crosslight.errors import InputError
from crosslight.geometry import window_corners
from crosslight.pipeline.ranking import RANKING_COLUMNS, ranking_rows, write_ranking_csv
from crosslight.pipeline.ranking_reader import attach_queries
from crosslight.types import Hit, Placement, Ranking

HEAD = ",".join(RANKING_COLUMNS)
PLACE = Placement(center_xy=(12.5, -3.25), angle_deg=-170.125, scale=0.5, similarity=0.75)
RANKINGS = [
    Ranking(
        query='odd, "name"\u2028',
        hits=[
            Hit(image="a", rank=1, similarity=0.75, confidence=0.5, placement=PLACE),
            Hit(image="b", rank=2, similarity=0.25, confidence=0.125),
        ],
    ),
    Ranking(query="other", hits=[Hit(image="a", rank=1, similarity=-0.5, confidence=0)]),
]


def write_csv(path: Path) -> None:
    write_ranking_csv(path, RANKINGS)


def write_json_lines(path: Path) -> None:
    rows = [dict(zip(RANKING_COLUMNS, row, strict=True)) for r in RANKINGS for row in ranking_rows(r)]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")


@pytest.mark.parametrize("write", [write_csv, write_json_lines])
def test_a_ranking_comes_back_as_it_was(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "ranking")
    back = crosslight.read_rankings(tmp_path / "ranking")
    assert [ranking_rows(r) for r in back] == [ranking_rows(r) for r in RANKINGS]
    first, second = back[0].hits
    assert first.placement is not None and vars(first.placement) == vars(PLACE) and second.placement is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column 'query'"),
        ("name,split\n1,test\n", "has no column 'query'"),
        (HEAD, "holds no hit"),
        (f"{HEAD}\nq,1,a,high,0.5,,,,\n", "Line 2 .*similarity is 'high', not a number"),
        (f"{HEAD}\nq,1,a,0.5,nan,,,,\n", "Line 2 .*confidence is nan"),
        (f"{HEAD}\nq,1,a,0.5,0.5,1,2,,1\n", "Line 2 .*angle_deg is ''"),
        (f"{HEAD}\nq,1,a,0.5,0.5,1,2,3,0\n", "Line 2 .*scale is 0"),
        (f"{HEAD}\nq,1,a,0.5,0.5,,,,\nq,1,b,0.5,0.5,,,,\n", "Line 3 .*second hit of rank 1"),
        (f"{HEAD}\nq,0,a,0.5,0.5,,,,\n", "Line 2 .*ranks begin at 1"),
        (f"{HEAD}\nq,1\n", "Line 2 .*has no name"),
        ('{"query": "q"}\n', "Line 1 .*has no 'image'"),
        ('{"query": "q",\n', "Line 1 .*is not JSON"),
        ('{"query": 3, "image": "a"}\n', "Line 1 .*has no name"),
    ],
)
def test_what_is_no_ranking_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words) as error:
        crosslight.read_rankings(tmp_path / "r.csv")
    assert "r.csv" in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_and_other_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; `crosslight search"):
        crosslight.read_rankings(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\xff")
    with pytest.raises(InputError, match="cannot be read"):
        crosslight.read_rankings(tmp_path / "picture.csv")


def test_queries_give_back_the_corners(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    cv2.imwrite(str(tmp_path / "queries" / "other.png"), np.zeros((40, 60), np.uint8))
    (tmp_path / "queries" / "unused.png").write_bytes(b"no image")
    placed = Ranking(query="other", hits=[Hit(image="a", rank=1, similarity=0.7, confidence=1, placement=PLACE)])
    (ranking,) = attach_queries([placed], [tmp_path / "queries"])
    assert ranking.query_image is not None and ranking.query_image.width_px == 60
    np.testing.assert_array_equal(ranking.hits[0].corners_xy, window_corners(PLACE, 40, 60))
    with pytest.raises(InputError, match=r"No image called .*which the ranking asks with"):
        attach_queries(RANKINGS, [tmp_path / "queries"])


@pytest.mark.parametrize("found", [True, False])
def test_what_was_said_of_mirrors_and_of_no_answer_comes_back(tmp_path: Path, found: bool) -> None:
    place = Placement(center_xy=(1, 2), angle_deg=3, scale=1, similarity=0.7, flipped=True)
    hit = Hit(image="a", rank=1, similarity=0.7, confidence=0.25, placement=place)
    write_ranking_csv(tmp_path / "r.csv", [Ranking(query="q", hits=[hit], found=found)])
    (back,) = crosslight.read_rankings(tmp_path / "r.csv")
    assert back.found is found and back.hits[0].placement is not None and back.hits[0].placement.flipped
