from __future__ import annotations

import html.parser
from pathlib import Path

import numpy as np

from crosslight.show.page import Picture, Section, Table, write_page

HOSTILE = "<script>alert('1')</script> & \"co\""


class Reader(html.parser.HTMLParser):
    """Collect the tags, their addresses and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data


def write(tmp_path: Path) -> Reader:
    section = Section(
        heading=HOSTILE,
        paragraphs=[HOSTILE],
        pictures=[Picture(rgb=np.zeros((4, 6, 3), np.uint8), alt=HOSTILE, caption="A map.")],
        table=Table(columns=["patch", "error"], rows=[["one", "0.1"], [HOSTILE, "12"]], numeric=frozenset({"error"})),
        commands="crosslight demo",
    )
    write_page(tmp_path / "new" / "page.html", HOSTILE, [section, Section(heading="Next")], lead="Grüße")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["page.html"]
    return Reader((tmp_path / "new" / "page.html").read_text(encoding="utf-8"))


def test_text_is_never_read_as_html(tmp_path: Path) -> None:
    page = write(tmp_path)
    assert "script" not in page.tags
    assert page.words.count(HOSTILE) == 5


def test_page_needs_nothing_beside_it(tmp_path: Path) -> None:
    page = write(tmp_path)
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)


def test_page_says_what_it_was_given(tmp_path: Path) -> None:
    page = write(tmp_path)
    for words in ("Grüße", "A map.", "crosslight demo", "patch", "0.1", "Next"):
        assert words in page.words
    assert page.tags.count("h2") == 2
    assert page.tags.count("tr") == 3
