"""The page in a browser: nothing is cut off, in any light, on a phone, on paper and by keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crosslight.evaluate.plots import DPI

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[1] / "web" / "assets" / "axe.min.js"
A4_PX = (680, 1000)  # what is left of the page between margins, in CSS pixels
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing; on Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


def open_report(browser: Any, folder: Path, width: int, height: int, scheme: str = "light") -> Any:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto((folder / "report.html").as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible_in_any_light(browser: Any, report: tuple[Path, str], scheme: str) -> None:
    page = open_report(browser, report[0], 1280, 900, scheme)
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.nodes.length, v.nodes[0].html])")
    assert found == []
    page.close()


def test_a_phone_scrolls_tables_but_not_the_page(browser: Any, report: tuple[Path, str]) -> None:
    page = open_report(browser, report[0], 400, 800)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    first = page.locator("#summary tbody td").first.bounding_box()
    assert first["x"] + first["width"] < 400  # a figure is seen without scrolling
    page.close()


@pytest.mark.parametrize("width", [400, 1280])
def test_letters_of_the_plots_can_be_read(browser: Any, report: tuple[Path, str], width: int) -> None:
    page = open_report(browser, report[0], width, 800)
    scales = page.eval_on_selector_all(
        ".plot img", "is => is.map(i => i.getBoundingClientRect().width / i.naturalWidth)"
    )
    letters_px = 10 * DPI / 72
    assert len(scales) == 4 and min(scales) * letters_px > 10.5
    page.close()


def test_paper_shows_every_table_whole(browser: Any, report: tuple[Path, str]) -> None:
    page = open_report(browser, report[0], *A4_PX, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#table1 .panel").count() == 2
    assert all(page.locator("#table1 .panel").nth(i).is_visible() for i in range(2))
    assert page.get_by_text("Acc@5. ").first.is_visible()
    wide = page.eval_on_selector_all("table", "ts => ts.map(t => t.getBoundingClientRect().right)")
    assert max(wide) <= A4_PX[0]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def test_keyboard_chooses_how_many_hits_are_looked_at(browser: Any, report: tuple[Path, str]) -> None:
    page = open_report(browser, report[0], 1280, 900)
    page.locator("#table1-1").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#table1-5").is_checked()
    assert page.locator("#table1 .panel2").is_visible() and not page.locator("#table1 .panel1").is_visible()
    page.close()
