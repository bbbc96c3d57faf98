"""A fresh model makes its choices by windows of pairs whose answer is known."""

import math
from pathlib import Path

import pytest

from crosslight.pipeline import choices
from crosslight.pipeline.calibrate import Answered
from crosslight.pipeline.choices import WORTH, _surprise, choose_cells, choose_means
from crosslight.read.pairs import find_pairs
from crosslight.represent.comir.model import ComirModel
from crosslight.types import Placement


def place(similarity: float) -> Placement:
    return Placement(center_xy=(0.0, 0.0), angle_deg=0.0, scale=1.0, similarity=similarity)


def test_the_surprise_is_that_of_the_right_image_among_all() -> None:
    equal = Answered(truth="b", hits=[("a", place(0.4)), ("b", place(0.4))])
    clear = Answered(truth="a", hits=[("a", place(0.9)), ("b", place(0.1))])
    wrong = Answered(truth="b", hits=[("a", place(0.46)), ("b", place(0.4))])
    assert _surprise(equal) == pytest.approx(math.log(2))
    assert _surprise(clear) < 1e-6
    assert _surprise(wrong) == pytest.approx(math.log(1 + math.e**2))
    assert _surprise(Answered(truth="b", hits=[])) == 0


def test_finer_cells_are_taken_only_where_they_are_worth_it(model_folder: Path, folders: Path) -> None:
    model = ComirModel.load(model_folder)
    pairs = list(find_pairs(folders / "A", folders / "B", split=folders / "split.csv").part("val"))
    chosen = choose_cells(model, pairs, (4, 2))
    tried = chosen.training["surprise_by_cell_px"]
    assert list(tried) == ["4", "2"]
    worth = tried["2"] < tried["4"] - WORTH
    assert chosen.network.cell_px == (2 if worth else 4)
    assert chosen.representer("A").stride == chosen.network.cell_px
    assert choose_cells(model, pairs[:1], (4, 2)) is model
    assert choose_cells(model, pairs, (4,)) is model


@pytest.mark.parametrize("worth", [-10.0, 10.0])
def test_means_are_taken_out_of_discs_only_where_that_is_worth_it(
    model_folder: Path, folders: Path, monkeypatch: pytest.MonkeyPatch, worth: float
) -> None:
    monkeypatch.setattr(choices, "MEANS_WORTH", worth)
    model = ComirModel.load(model_folder)
    pairs = list(find_pairs(folders / "A", folders / "B", split=folders / "split.csv").part("train"))
    chosen = choose_means(model, pairs)
    tried = chosen.training["surprise_by_means"]
    assert tried["with"] != tried["without"] and all(0 < v < math.log(len(pairs)) for v in tried.values())
    assert chosen.means_tell == (tried["without"] >= tried["with"] - worth)
    assert chosen.means_tell == (worth > 0)
    assert choose_means(model, pairs[:1]) is model
