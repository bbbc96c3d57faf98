from __future__ import annotations

import numpy as np
import pytest

from crosslight.demo.cut import TEST_LONGITUDES, UNUSED_LONGITUDE, cut_pairs, cut_patches, cut_tiles
from crosslight.demo.earth import HEIGHT_PX, PX_PER_DEGREE, WIDTH_PX, Earth, load_earth, to_lon_lat, to_world_xy
from crosslight.errors import InputError
from crosslight.types import Pair


@pytest.fixture(scope="module")
def earth() -> Earth:
    return load_earth()


def find_columns(earth: Earth, pair: Pair) -> tuple[float, float]:
    """Return the longitudes of a pair's western and eastern edge, found by looking for its pixels."""
    row = pair.a.pixels[0]
    for y in range(HEIGHT_PX):
        for x in np.flatnonzero((earth.a.pixels[y, :, 0] == row[0, 0]) & (earth.a.pixels[y, :, 1] == row[0, 1])):
            if np.array_equal(earth.a.pixels[y, x : x + len(row)], row):
                return to_lon_lat(x - 0.5, y)[0], to_lon_lat(x + len(row) - 1, y)[0]
    raise AssertionError(f"{pair.name} is not part of the Earth")


def test_no_training_window_touches_the_test_longitudes(earth: Earth) -> None:
    for pair in cut_pairs(earth):
        west, east = find_columns(earth, pair)
        assert east < TEST_LONGITUDES[0] or west >= UNUSED_LONGITUDE, pair.name


def test_training_pairs_are_aligned_squares_with_land(earth: Earth) -> None:
    pairs = cut_pairs(earth)
    assert len(pairs) >= 20
    assert len({pair.name for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert pair.a.pixels.shape == (384, 384, 3)
        assert pair.b.pixels.shape == (384, 384, 1)


def test_tiles_cover_the_earth_once(earth: Earth) -> None:
    seen = np.zeros((HEIGHT_PX, WIDTH_PX), int)
    for tile in cut_tiles(earth):
        x, y = tile.origin_xy
        window = np.s_[y : y + tile.image.height_px, x : x + tile.image.width_px]
        seen[window] += 1
        np.testing.assert_array_equal(tile.image.pixels, earth.a.pixels[window])
    assert (seen == 1).all()


def test_pixel_of_a_tile_maps_back_to_its_place(earth: Earth) -> None:
    tile = next(t for t in cut_tiles(earth) if t.image.name == "Earth_22N_068E")
    middle = (tile.image.width_px - 1) / 2
    ((x, y),) = tile.to_world(np.array([[middle, middle]]))
    assert to_lon_lat(x, y) == pytest.approx((67.5, 22.5))


def test_every_patch_lies_whole_in_some_tile_and_in_the_test_longitudes(earth: Earth) -> None:
    tiles = cut_tiles(earth)
    west, east = (to_world_xy(lon, 0)[0] for lon in TEST_LONGITUDES)
    for patch in cut_patches(earth, tiles, 12):
        low, high = patch.corners_xy.min(axis=0), patch.corners_xy.max(axis=0)
        assert west <= low[0] and high[0] <= east
        inside = [
            x <= low[0] and y <= low[1] and high[0] <= x + tile.image.width_px - 1 and high[1] <= y + 674
            for tile in tiles
            for x, y in [tile.origin_xy]
        ]
        assert any(inside)


def test_patch_shows_the_place_it_names(earth: Earth) -> None:
    for patch in cut_patches(earth, cut_tiles(earth), 4):
        x, y = patch.placement.center_xy
        around = earth.b.pixels[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4].mean()
        middle = patch.image.pixels[92:100, 92:100].mean()
        assert middle == pytest.approx(around, abs=12)
        assert to_world_xy(*patch.lon_lat) == pytest.approx((x, y))


def test_same_seed_gives_the_same_patches(earth: Earth) -> None:
    first, again, other = (cut_patches(earth, cut_tiles(earth), 2, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[1].image.pixels, again[1].image.pixels)
    assert first[0].placement != other[0].placement


def test_too_many_patches_are_refused_with_the_reason(earth: Earth) -> None:
    with pytest.raises(InputError, match="patches of 900 px fit"):
        cut_patches(earth, cut_tiles(earth), 5, size_px=900)


def test_15_pixels_are_a_degree() -> None:
    assert PX_PER_DEGREE == 15
