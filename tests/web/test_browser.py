"""The pages in a browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
AXE = Path(__file__).parent / "assets" / "axe.min.js"
WIDE, NARROW = (1440, 900), (390, 844)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing; on Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a browser with a profile of its own."""
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=CHROMIUM, args=ARGUMENTS, headless=True,
            accept_downloads=True,
        )  # fmt: skip
        yield context
        context.close()


@pytest.fixture
def faults() -> list[str]:
    """Return what went wrong in the page so far."""
    return []


@pytest.fixture
def page(browser: Any, server: str, faults: list[str]) -> Iterator[Any]:
    """Return a page that fails the test if anything goes wrong in it or it reaches beyond the server."""
    opened = browser.new_page()
    opened.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda r: None if r.url.startswith((server, "blob:", "data:")) else faults.append(r.url))
    yield opened
    opened.close()
    assert faults == []


@pytest.fixture(scope="module")
def query(relief: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the patch as a file."""
    path = tmp_path_factory.mktemp("query") / "relief.png"
    path.write_bytes(relief)
    return path


@pytest.fixture(scope="module")
def result(browser: Any, server: str, query: Path) -> str:
    """Return the address of a finished search's page."""
    opened = browser.new_page()
    search(opened, server, query)
    address = str(opened.url)
    opened.close()
    return address


def search(page: Any, server: str, query: Path) -> None:
    page.goto(server)
    page.locator("#rotation").fill("180")
    page.set_input_files("#file", query)
    page.wait_for_selector("#result:not([hidden])")


def open_hit(page: Any, result: str, rank: int = 1) -> None:
    page.goto(f"{result}/hits/{rank}")
    page.wait_for_selector("#compare[data-ready]")


def wait_for_middle(page: Any, condition: str) -> None:
    """Wait until red, green, blue and alpha of what is drawn in the middle of the viewer fulfil a condition."""
    script = "() => { const c = document.getElementById('overlay'); const [r, g, b, a] = c.getContext('2d')"
    page.wait_for_function(f"{script}.getImageData(c.width / 2, c.height / 2, 1, 1).data; return {condition}; }}")


def settle(page: Any) -> None:
    """Wait until all pictures are there."""
    page.wait_for_function("() => [...document.images].every((i) => i.complete || i.loading === 'lazy')")


def test_an_image_is_found_compared_accepted_and_exported(
    page: Any, server: str, query: Path, tiles: tuple[str, ...], tmp_path: Path
) -> None:
    search(page, server, query)
    assert tiles[0] in page.inner_text("#verdict h2")
    assert page.locator("#hits > li").count() == len(tiles)
    assert tiles[0] in page.inner_text("#hits > li:first-child")
    page.click("#verdict a")
    page.wait_for_selector("#compare[data-ready]")
    assert page.inner_text("#title") == tiles[0]
    page.locator("#opacity").fill("20")
    assert page.inner_text("#opacity-out") == "20 %"
    page.click("#accept")
    page.wait_for_selector("#export-links:not([hidden])")
    files = {}
    for words in ("CSV", "GeoJSON", "Crops"):
        with page.expect_download() as download:
            page.click(f"#export-links >> text={words}")
        files[words] = tmp_path / words
        download.value.save_as(files[words])
    (row,) = csv.DictReader(files["CSV"].read_text().splitlines())
    assert (row["query"], row["image"], row["nudged"]) == ("relief", tiles[0], "false")
    assert json.loads(files["GeoJSON"].read_text())["features"][0]["properties"]["image"] == tiles[0]
    with zipfile.ZipFile(files["Crops"]) as crops:
        assert crops.namelist() == ["matches.csv", f"001_relief_in_{tiles[0]}.png", "001_relief.png"]


def test_the_query_can_be_blended_hidden_and_seen_as_the_networks_see_it(page: Any, result: str) -> None:
    open_hit(page, result)
    page.locator("#opacity").fill("100")
    wait_for_middle(page, "a === 255 && r === g && g === b")  # relief is grey
    page.locator("#opacity").fill("50")
    wait_for_middle(page, "a > 100 && a < 156")
    page.keyboard.press("4")
    wait_for_middle(page, "a === 0")
    page.keyboard.press("1")
    page.keyboard.press("r")
    wait_for_middle(page, "a === 255 && (r !== g || g !== b)")  # representations are coloured
    assert page.is_checked("#representations")


def test_the_curtain_uncovers_the_image(page: Any, result: str) -> None:
    open_hit(page, result)
    page.keyboard.press("2")
    box = page.locator("#curtain").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, 300)
    page.mouse.down()
    page.mouse.move(1000, 300, steps=3)
    page.mouse.up()
    wait_for_middle(page, "a === 255")
    page.focus("#curtain")
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    wait_for_middle(page, "a === 0")
    assert page.get_attribute("#curtain", "aria-valuenow") == "9"


def test_keys_nudge_accept_and_reject(page: Any, result: str, server: str) -> None:
    open_hit(page, result, 2)
    before = page.inner_text("#facts")
    for key in ("ArrowRight", "Shift+ArrowDown", ".", "]"):
        page.keyboard.press(key)
    assert page.inner_text("#facts") != before
    page.keyboard.press("a")
    page.wait_for_selector("#accept[aria-pressed=true]")
    search_id = result.rsplit("/", 1)[1]
    hit = page.request.get(f"{server}/api/searches/{search_id}/hits").json()["hits"][1]
    match = page.request.get(f"{server}/api/matches?search={search_id}").json()["matches"][0]
    moved = [match[name] - hit[name] for name in ("cx", "cy", "angle_deg", "scale")]
    assert moved == pytest.approx([1, 10, -0.5, 0.005 * hit["scale"]], abs=1e-6)
    assert match["nudged"]
    page.keyboard.press("x")
    page.wait_for_selector("#reject[aria-pressed=true]")
    page.reload()
    page.wait_for_selector("#reject[aria-pressed=true]")
    page.keyboard.press("0")
    assert page.inner_text("#facts") == before
    page.keyboard.press("x")
    page.wait_for_selector("#reject[aria-pressed=false]")


def test_an_image_is_added_looked_at_and_removed(page: Any, server: str, relief: bytes) -> None:
    page.goto(f"{server}/repository")
    page.click("#add")
    page.set_input_files("#files", {"name": "added.png", "mimeType": "image/png", "buffer": relief_in_colour(relief)})
    page.fill("#metadata", "half=neither")
    page.click("#send")
    page.click("#tiles >> text=added")
    page.wait_for_selector("#looking[data-ready]")
    assert "half: neither" in page.inner_text("#looking-facts")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#remove")
    page.wait_for_selector("#tiles >> text=added", state="detached")


def test_files_that_cannot_be_added_are_named_until_the_list_is_closed(page: Any, server: str, relief: bytes) -> None:
    files = {"good.png": relief_in_colour(relief), "text.png": b"not an image", "grey.png": relief}
    page.goto(f"{server}/repository")
    page.click("#add")
    page.set_input_files("#files", [{"name": n, "mimeType": "image/png", "buffer": b} for n, b in files.items()])
    page.click("#send")
    page.wait_for_selector("#refused:not([hidden])")
    page.wait_for_selector("#tiles >> text=good")
    rows = page.locator("#refused-list li").all_inner_texts()
    assert len(rows) == 2 and "save it as one of these" in rows[0] and "grey has 1 channel" in rows[1]
    page.click("#refused-close")
    page.wait_for_selector("#refused", state="hidden")
    assert page.request.delete(f"{server}/api/images/good").status == 202


def test_verdicts_are_listed_and_taken_back(page: Any, server: str, result: str, tiles: tuple[str, ...]) -> None:
    search_id = result.rsplit("/", 1)[1]
    page.request.put(f"{server}/api/searches/{search_id}/hits/1/verdict", data={"verdict": "accepted"})
    page.goto(f"{server}/matches")
    row = page.locator("#rows tr").first
    assert tiles[0] in row.inner_text()
    count = page.locator("#rows tr").count()
    row.get_by_role("button").click()
    page.wait_for_function(f"() => document.querySelectorAll('#rows tr').length === {count - 1}")


def test_a_file_that_is_no_image_says_so(page: Any, server: str, faults: list[str], tmp_path: Path) -> None:
    path = tmp_path / "query.png"
    path.write_text("no image")
    page.goto(server)
    with page.expect_response("**/api/searches") as response:
        page.set_input_files("#file", path)
    assert response.value.status == 422
    page.wait_for_selector("#trouble:not([hidden])")
    assert "save it as one of these" in page.inner_text("#trouble")
    faults.clear()  # the browser notes the 422


def test_the_answer_comes_back_with_its_address(page: Any, result: str, tiles: tuple[str, ...]) -> None:
    page.goto(result)
    page.wait_for_selector("#result:not([hidden])")
    assert tiles[0] in page.inner_text("#verdict h2")
    assert page.input_value("#rotation") == "180"
    page.click("#go")  # asks the same again, without the file
    page.wait_for_url(lambda url: url != result)
    page.wait_for_selector("#result:not([hidden])")
    page.go_back()
    assert page.url == result


def test_dark_and_light_can_be_switched(page: Any, server: str) -> None:
    page.goto(server)
    assert page.get_attribute("html", "data-theme") == "light"
    page.click("#theme")
    page.reload()
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("#theme")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_stands_in_the_way_of_people_with_disabilities(
    page: Any, server: str, result: str, theme: str
) -> None:
    page.emulate_media(color_scheme=theme)
    for address, ready in addresses(server, result):
        page.goto(address)
        page.wait_for_selector(ready)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
        serious = [
            (v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], address


def test_every_page_is_pictured_at_two_sizes_in_light_and_dark(
    page: Any, server: str, result: str, tmp_path: Path
) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for name, (width, height) in {"wide": WIDE, "narrow": NARROW}.items():
            page.set_viewport_size({"width": width, "height": height})
            for address, ready in addresses(server, result):
                page.goto(address)
                page.wait_for_selector(ready)
                settle(page)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{address} is cut off"
                title = address.removeprefix(server).replace("/", "_")[:12] or "first"
                page.screenshot(path=tmp_path / f"{title}-{theme}-{name}.png")


def relief_in_colour(relief: bytes) -> bytes:
    """Return the patch with three channels, as the repository's images have."""
    file = io.BytesIO()
    PillowImage.open(io.BytesIO(relief)).convert("RGB").save(file, "PNG")
    return file.getvalue()


def addresses(server: str, result: str) -> list[tuple[str, str]]:
    """Return every page and what shows that it is ready."""
    return [
        (f"{server}/", "#empty:not([hidden])"),
        (result, "#result:not([hidden])"),
        (f"{result}/hits/1", "#compare[data-ready]"),
        (f"{server}/repository", "body[data-ready]"),
        (f"{server}/matches", "body[data-ready]"),
        (f"{server}/model", "body[data-ready]"),
        (f"{server}/api/docs", "h1"),
        (f"{server}/login", "h1"),
    ]
