from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from crosslight.geometry import cut_window, query_to_repository, window_corners
from crosslight.show.comparison import compare
from crosslight.show.hits import WIDTH_PX, draw_ranking
from crosslight.show.raster import to_rgb
from crosslight.types import Hit, Image, Placement, Ranking, Representation


def make_texture(height: int, width: int, n_channels: int = 3, seed: int = 0) -> Image:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (height // 8 + 1, width // 8 + 1, n_channels))
    pixels = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)
    return Image(pixels=pixels, name=f"texture_{seed}")


def make_ranking(place: Placement | None, query: Image, names: list[str]) -> Ranking:
    corners = None if place is None else window_corners(place, query.height_px, query.width_px)
    hits = [
        Hit(image=name, rank=i + 1, similarity=0.9 - i / 10, confidence=0.5**i, placement=place, corners_xy=corners)
        for i, name in enumerate(names)
    ]
    return Ranking(query=query.name, hits=hits, note="made up")


def size_of(path: Path) -> tuple[int, int]:
    with PillowImage.open(path) as picture:
        return picture.size


@pytest.fixture
def place() -> Placement:
    return Placement(center_xy=(130.0, 90.0), angle_deg=25.0, scale=1.0, similarity=0.9)


@pytest.fixture
def load() -> Callable[[str], Image]:
    return lambda name: make_texture(200, 260)


def test_right_window_shows_no_seam_with_the_image_it_was_cut_from(place: Placement) -> None:
    image = make_texture(200, 260)
    query = cut_window(image, place, 64, 80, "query")
    panels = compare(to_rgb(query), image, query_to_repository(place, 64, 80), 300)
    inner = np.s_[110:190, 110:190]
    for laid in (panels.checks, panels.blend):
        assert np.abs(laid[inner].astype(float) - panels.place[inner]).mean() < 6


def test_wrong_window_shows_in_the_checkerboard(place: Placement) -> None:
    image = make_texture(200, 260)
    query = cut_window(image, place, 64, 80, "query")
    matrix = query_to_repository(place, 64, 80) + np.array([[0, 0, 9.0], [0, 0, 7.0]])
    panels = compare(to_rgb(query), image, matrix, 300)
    inner = np.s_[110:190, 110:190]
    assert np.abs(panels.checks[inner].astype(float) - panels.place[inner]).mean() > 15


def test_aligned_ranking_makes_one_picture(tmp_path: Path, place: Placement, load: Callable[[str], Image]) -> None:
    query = cut_window(load(""), place, 64, 80, "query")
    path = tmp_path / "hits.png"
    draw_ranking(query, make_ranking(place, query, ["a", "b" * 300, "c"]), load, path)
    assert size_of(path)[0] == WIDTH_PX


def test_representations_add_a_row(tmp_path: Path, place: Placement, load: Callable[[str], Image]) -> None:
    query = cut_window(load(""), place, 64, 80, "query")
    plain, more = tmp_path / "plain.png", tmp_path / "more.png"
    draw_ranking(query, make_ranking(place, query, ["a"]), load, plain)
    both = tuple(Representation(values=np.zeros((4, h, w), np.float32), stride=2) for h, w in ((32, 40), (100, 130)))
    draw_ranking(query, make_ranking(place, query, ["a"]), load, more, representations=(both[0], both[1]))
    assert size_of(more)[1] > size_of(plain)[1] + 400


def test_ranking_without_places_shows_the_hits(tmp_path: Path, load: Callable[[str], Image]) -> None:
    query = make_texture(50, 40, 1)
    draw_ranking(query, make_ranking(None, query, ["a", "b"]), load, tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[0] == WIDTH_PX


def test_ranking_without_hits_shows_the_query(tmp_path: Path, load: Callable[[str], Image]) -> None:
    query = make_texture(50, 40, 1)
    draw_ranking(query, make_ranking(None, query, []), load, tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[0] == WIDTH_PX


@pytest.mark.parametrize(("shape", "dtype"), [((1, 1, 1), "uint8"), ((3, 700, 2), "uint16"), ((40, 40, 16), "float32")])
def test_odd_images_are_drawn(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    image = Image(pixels=np.ones(shape, dtype), name="odd")
    place = Placement(center_xy=(-900.0, 4.0), angle_deg=-170.0, scale=0.3, similarity=0.1)
    draw_ranking(image, make_ranking(place, image, ["odd"]), lambda name: image, tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[0] == WIDTH_PX
