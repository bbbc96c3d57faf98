"""The whole command, as a user types it, and the page it writes."""

import csv
import html.parser
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from crosslight.errors import ConfigError, CrosslightError, InputError
from crosslight.evaluate.compare import evaluate_pairs
from crosslight.evaluate.protocol import EvaluateConfig


class Page(html.parser.HTMLParser):
    """Collects what a page asks for and what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [v or "" for k, v in attrs if k in ("src", "href", "data", "srcset")]
        if tag not in ("meta", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_page_is_whole_and_asks_nothing_of_the_network(report: tuple[Path, str]) -> None:
    source = (report[0] / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(source)
    assert page.open == []
    assert all(s.startswith(("#", "data:image/")) for s in page.sources)
    assert sum(s.startswith("data:") for s in page.sources) == 8  # four plots, two representations, two of answers
    assert "url(" not in source and "@import" not in source and "<script" not in source
    text = " ".join("".join(page.text).split())
    assert "light & dark and <inverse>" in text
    assert "crosslight fetch resnet152" in text  # why a row is empty
    assert "Fake" not in text
    assert "Visual words" in text and "commonest word" in text
    assert "Acc@10, Acc@15 and Acc@30 are left out: among 10 images they would be 100 %" in text


def test_empty_cells_lead_to_their_reason_in_plain_words(report: tuple[Path, str]) -> None:
    source = (report[0] / "report.html").read_text(encoding="utf-8")
    marks = re.findall(r'not run</span><a class="mark" href="#why-1"', source)
    assert len(marks) == 2 * 2 * 8 + 1  # two tables for each of two k, eight cells of ResNet in each; and the summary
    assert source.count('id="why-1"') == 1 and "<code>crosslight fetch resnet152</code>" in source
    assert "`" not in source


def test_tables_are_written_as_csv_too(report: tuple[Path, str]) -> None:
    tables = report[0] / "tables"
    cells = list(csv.DictReader((tables / "cells.csv").read_text(encoding="utf-8").splitlines()))
    assert len(cells) == 16 * 2 + 8 * 2
    aligned = [c for c in cells if c["method"] == "comir+align" and c["size"] == "full"]
    assert all(float(c["acc1"]) == 1 and float(c["acc1_low"]) < 0.5 for c in aligned)
    assert {c["n_images"] for c in cells} == {"10"} and {c["chance1"] for c in cells} == {"0.1000"}
    assert all(float(c["seconds_per_query"]) > 0 and int(c["peak_bytes"]) > 0 for c in cells)
    queries = list(csv.DictReader((tables / "queries.csv").read_text(encoding="utf-8").splitlines()))
    assert len(queries) == 2 * len(cells) and {q["name"] for q in queries} == {"image8", "image9"}
    summary = list(csv.DictReader((tables / "summary.csv").read_text(encoding="utf-8").splitlines()))
    assert len(summary) == 4 * 2
    for row in summary:
        assert all(float(row[f"acc{k}_low"]) <= float(row[f"acc{k}"]) <= float(row[f"acc{k}_high"]) for k in (1, 5))
    table = list(csv.reader((tables / "table1_full_acc1.csv").read_text(encoding="utf-8").splitlines()))
    assert table[1][:4] == ["SURF", "Originals", "light & dark", "100.0"]


def test_plots_and_pictures_lie_beside_the_page(report: tuple[Path, str]) -> None:
    plots = [f"plots/{kind}_{size}.png" for kind in ("bars", "curves") for size in ("full", "patch")]
    for name in (*plots, "pictures/answers_full.jpg", "pictures/comir-both.jpg"):
        with PillowImage.open(report[0] / name) as picture:
            assert min(picture.size) > 200


def test_command_prints_one_line_per_method_and_why_one_is_missing(report: tuple[Path, str]) -> None:
    lines = report[1].splitlines()
    assert any(line.startswith("comir+align") and "100.0" in line for line in lines)
    assert any(line.startswith("originals+resnet: The weights") for line in lines)


def test_a_mistake_gives_one_sentence(folders: Path, tmp_path: Path, evaluate: Any) -> None:
    done = evaluate(folders / "A", folders / "B", "--out", tmp_path / "report", "--methods", "comir+serf")
    assert done.returncode == 2 and "Did you mean 'surf'" in done.stderr
    assert done.stderr.startswith("crosslight: ") and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "nothing.csv"}, "nothing.csv"),
        ({"methods": ["originals+surf+patches"]}, "cannot be read"),
        ({"models": ["no-such-model"]}, "crosslight fit"),
    ],
)
def test_what_cannot_be_compared_is_said(folders: Path, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(CrosslightError, match=words):
        evaluate_pairs(folders / "A", folders / "B", out=tmp_path / "report", **options)
    assert not (tmp_path / "report" / "report.html").exists()


def test_a_run_in_which_nothing_works_still_says_why(folders: Path, tmp_path: Path) -> None:
    results = evaluate_pairs(folders / "A", folders / "B", out=tmp_path / "report", methods=["comir+surf"])
    assert results.results == []
    assert "no pair to train on" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault", ["size", "damage"])
def test_a_bad_image_stops_the_run_before_anything_is_computed(folders: Path, tmp_path: Path, fault: str) -> None:
    shutil.copytree(folders, tmp_path / "set")
    bad = tmp_path / "set" / "A" / "image0.png"  # one to train on
    if fault == "size":
        PillowImage.open(bad).crop((0, 0, 150, 200)).save(bad)
    else:
        bad.write_bytes(bad.read_bytes()[:900])
    where = (tmp_path / "set" / "A", tmp_path / "set" / "B")
    options: dict[str, Any] = {"split": tmp_path / "set" / "split.csv", "methods": ["originals+surf,comir+surf"]}
    with pytest.raises(InputError, match=r"A.image0.png"):
        evaluate_pairs(*where, out=tmp_path / "report", **options)
    assert list((tmp_path / "report").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_told_at_once(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        evaluate_pairs(folders / "A", folders / "B", out=tmp_path / "report", methods=["originals+surf"])


def test_a_run_in_which_nothing_works_fails(folders: Path, tmp_path: Path, evaluate: Any) -> None:
    done = evaluate(folders / "A", folders / "B", "--out", tmp_path / "report", "--methods", "tcnet")
    assert done.returncode == 2 and "tcnet: TC-Net was given 0 pairs" in done.stderr


def test_nothing_to_ask_is_said(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("name,split\nimage1,train\nimage2,train\n")
    with pytest.raises(InputError, match="nothing to compare: 0 pair"):
        evaluate_pairs(folders / "A", folders / "B", out=tmp_path / "r", split=tmp_path / "split.csv")


@pytest.mark.parametrize("wrong", [{"minutes": 0.0}, {"part": "train"}, {"repository": "none"}, {"sizes": ()}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        EvaluateConfig(**wrong)
