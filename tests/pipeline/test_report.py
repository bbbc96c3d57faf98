"""The report of a ranking: one page that holds all it shows, with and without an index and queries."""

import html.parser
import re
from dataclasses import replace
from pathlib import Path

import pytest

import crosslight
from crosslight.errors import InputError
from crosslight.pipeline.ranking import write_ranking_csv
from crosslight.pipeline.ranking_reader import attach_queries
from crosslight.pipeline.report import write_report
from crosslight.types import Hit, Ranking


class Reader(html.parser.HTMLParser):
    """Collect the pictures, the addresses, the headings' words and all words of a page; check that tags are closed."""

    VOID = ("meta", "img", "input", "br")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.alts: list[str] = []
        self.addresses: list[str] = []
        self.words, self.open = "", []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        self.alts += [value or "" for name, value in attrs if name == "alt"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def rankings(index_folder: Path, query_file: Path) -> list[Ranking]:
    with crosslight.Index.open(index_folder) as index:
        return index.search([query_file], top=7)


def test_a_page_shows_the_query_on_its_place_and_the_hits(
    index_folder: Path, query_file: Path, rankings: list[Ranking], tmp_path: Path
) -> None:
    write_ranking_csv(tmp_path / "r.csv", rankings)
    read = attach_queries(crosslight.read_rankings(tmp_path / "r.csv"), [query_file])
    with crosslight.Index.open(index_folder) as index:
        write_report(tmp_path / "new" / "page.html", read, index=index, n_hits=3)
    page = Reader(tmp_path / "new" / "page.html")
    assert "query9 lies in image9" in page.words and "10 images of kind A" in page.words
    assert {"query: query9", "best hit: image9", "The query laid over it.", "the query's representation"} <= set(
        page.alts
    )
    assert sum("with the window found in it" in alt for alt in page.alts) == 3
    assert all(hit.image in page.words for hit in rankings[0].hits)
    assert all(a.startswith(("data:image/webp;base64,", "#")) for a in page.addresses)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["page.html"]


def test_nothing_but_its_own_script_runs(rankings: list[Ranking], tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    write_report(tmp_path / "page.html", [replace(rankings[0], query=hostile)], title=hostile)
    page = Reader(tmp_path / "page.html")
    assert page.text.count("<script") == 1 and hostile in page.words
    assert "default-src 'none'" in page.text and re.search(r"script-src 'sha256-[\w+/=]{44}'", page.text)


def test_a_ranking_alone_makes_a_table(rankings: list[Ranking], tmp_path: Path) -> None:
    write_report(tmp_path / "page.html", [replace(rankings[0], query_image=None)])
    page = Reader(tmp_path / "page.html")
    assert page.alts == [] and "image9" in page.words
    assert f"{rankings[0].hits[1].similarity:.3f}" in page.words.replace("\N{MINUS SIGN}", "-")


def test_several_queries_are_summed_up_and_a_doubtful_one_is_called_so(tmp_path: Path) -> None:
    rankings = [
        Ranking(query=f"q{i}", hits=[Hit(image="a", rank=1, similarity=0.5, confidence=share)])
        for i, share in enumerate((0.9, 0.1))
    ]
    write_report(tmp_path / "page.html", [*rankings, Ranking(query="none", hits=[])])
    page = Reader(tmp_path / "page.html")
    assert "1 of 2 queries was found with enough confidence." in page.words
    assert "q0 lies in a" in page.words and "q1 perhaps lies in a" in page.words
    assert page.addresses == ["#query-1", "#query-2"]
    write_report(tmp_path / "page.html", [replace(rankings[1], found=False)])
    assert "q1 is probably not in this repository" in Reader(tmp_path / "page.html").words


def test_a_repository_image_that_has_moved_is_a_note(
    index_folder: Path, rankings: list[Ranking], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> crosslight.Image:
        raise InputError(f"{name}.png does not exist; check the name and the folder.")

    with crosslight.Index.open(index_folder) as index:
        monkeypatch.setattr(index, "image", fail)
        write_report(tmp_path / "page.html", rankings, index=index)
    page = Reader(tmp_path / "page.html")
    assert "image9.png does not exist" in page.words and "query: query9" in page.alts


def test_what_cannot_be_reported_is_explained(index_folder: Path, rankings: list[Ranking], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no hit to report"):
        write_report(tmp_path / "page.html", [])
    stray = [replace(rankings[0], hits=[replace(rankings[0].hits[0], image="elsewhere")])]
    with crosslight.Index.open(index_folder) as index, pytest.raises(InputError, match="'elsewhere', which is not in"):
        write_report(tmp_path / "page.html", stray, index=index)
    assert not (tmp_path / "page.html").exists()
