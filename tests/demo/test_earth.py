from __future__ import annotations

import pytest

from crosslight.demo.earth import (
    HEIGHT_PX,
    WIDTH_PX,
    Earth,
    distance_px,
    load_earth,
    say_lon_lat,
    to_lon_lat,
    to_world_xy,
)


@pytest.fixture(scope="module")
def earth() -> Earth:
    return load_earth()


def test_both_images_show_the_whole_earth(earth: Earth) -> None:
    assert earth.a.pixels.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert earth.b.pixels.shape == (HEIGHT_PX, WIDTH_PX, 1)


@pytest.mark.parametrize(
    ("lon", "lat", "is_land"),
    [(20, 48, True), (-100, 40, True), (-60, -5, True), (65, 65, True), (-30, 40, False), (80, -10, False)],
)
def test_land_is_where_it_is(earth: Earth, lon: float, lat: float, is_land: bool) -> None:
    x, y = (round(v) for v in to_world_xy(lon, lat))
    assert (earth.land[y - 7 : y + 8, x - 7 : x + 8].mean() > 0.5) == is_land


@pytest.mark.parametrize(("lon", "lat"), [(0.0, 0.0), (-180.0, 90.0), (179.9, -89.0), (86.9, 27.99)])
def test_places_go_there_and_back(lon: float, lat: float) -> None:
    assert to_lon_lat(*to_world_xy(lon, lat)) == pytest.approx((lon, lat))


def test_edges_of_the_image_are_the_date_line_and_the_poles() -> None:
    assert to_lon_lat(-0.5, -0.5) == pytest.approx((-180.0, 90.0))
    assert to_lon_lat(WIDTH_PX - 0.5, HEIGHT_PX - 0.5) == pytest.approx((-180.0, -90.0))


def test_distance_goes_the_short_way_round() -> None:
    assert distance_px(to_world_xy(179, 0), to_world_xy(-179, 0)) == pytest.approx(30)


def test_place_is_written_as_people_do() -> None:
    assert say_lon_lat(88.1, 27.3) == "27.3 N, 88.1 E"
    assert say_lon_lat(-70.0, -33.45) == "33.5 S, 70.0 W"
