"""Cut training pairs, a repository and queries out of the two images of the Earth.

The networks learn on the rest of the world and are asked about `TEST_LONGITUDES`; the strip beyond, up to
`UNUSED_LONGITUDE`, is left out so that nothing close to a question was learnt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from crosslight.demo.earth import (
    HEIGHT_PX,
    PX_PER_DEGREE,
    WIDTH_PX,
    Earth,
    Patch,
    Tile,
    distance_px,
    to_lon_lat,
    to_world_xy,
)
from crosslight.errors import InputError
from crosslight.geometry import apply_matrix, cut_window, query_to_repository, window_corners
from crosslight.types import Image, Pair, Placement

TEST_LONGITUDES = (30.0, 110.0)
UNUSED_LONGITUDE = 130.0
LATITUDES = (78.0, -58.0)  # beyond lies ice, which shows nothing
LAND_SHARE = 0.15  # of a training window
QUERY_LAND_SHARE, QUERY_SEA_SHARE = 0.3, 0.12  # so that a patch holds a piece of coast
MAX_TRIES = 2000  # per patch
APART = 0.6  # of a patch, between the centres of two


def cut_pairs(earth: Earth, *, size_px: int = 384) -> list[Pair]:
    """Cut aligned pairs for training, wholly outside the test and unused longitudes.

    Parameters
    ----------
    earth : Earth
    size_px : int
        Side of the square windows, which lie on a grid that just touches.

    Returns
    -------
    pairs : list of Pair
        Named by their centres; at least 15 % of each is land.
    """
    north, south = (round((90 - lat) * PX_PER_DEGREE) for lat in LATITUDES)
    west, east = (round((lon + 180) * PX_PER_DEGREE) for lon in (TEST_LONGITUDES[0], UNUSED_LONGITUDE))
    rows = _spread(north, south, size_px)
    columns = _spread(0, west, size_px) + _spread(east, WIDTH_PX, size_px)
    middle = (size_px - 1) / 2
    pairs = []
    for y in rows:
        for x in columns:
            window = np.s_[y : y + size_px, x : x + size_px]
            if earth.land[window].mean() < LAND_SHARE:
                continue
            name = _name(x + middle, y + middle)
            a, b = (Image(pixels=image.pixels[window], name=name) for image in (earth.a, earth.b))
            pairs.append(Pair(name=name, a=a, b=b))
    return pairs


def cut_tiles(earth: Earth, *, size_px: int = 675) -> list[Tile]:
    """Cut the repository: the whole Earth in true colour, as squares that just touch.

    They do not overlap, so that each place is in one image only and the confidence of an answer means something.

    Parameters
    ----------
    earth : Earth
    size_px : int
        Side of the squares; a divisor of 2700.

    Returns
    -------
    tiles : list of Tile
        Named by their centres, from north-west to south-east.
    """
    middle = (size_px - 1) / 2
    tiles = []
    for y in range(0, HEIGHT_PX, size_px):
        for x in range(0, WIDTH_PX, size_px):
            pixels = earth.a.pixels[y : y + size_px, x : x + size_px]
            tiles.append(
                Tile(image=Image(pixels=pixels, name=f"Earth_{_name(x + middle, y + middle)}"), origin_xy=(x, y))
            )
    return tiles


def cut_patches(
    earth: Earth, tiles: Sequence[Tile], n: int, *, size_px: int = 192, max_angle_deg: float = 180.0, seed: int = 0
) -> list[Patch]:
    """Cut relief patches that were never trained on, to ask with; each holds a piece of coast.

    Wholly inland, relief and true colour have so little in common that a few minutes of training do not bridge it.

    Parameters
    ----------
    earth : Earth
    tiles : sequence of Tile
        The repository; each patch lies whole in one of these.
    n : int
        How many; their centres are at least 0.6 patches apart.
    size_px : int
        Side of the squares.
    max_angle_deg : float
        They are turned by any angle up to this one, either way.
    seed : int
        The same seed gives the same patches.

    Raises
    ------
    InputError
        If so many do not fit.
    """
    rng = np.random.default_rng(seed)
    reach = size_px / math.sqrt(2) + 1  # from the centre to a corner
    (x0, y0), (x1, y1) = (to_world_xy(lon, lat) for lon, lat in zip(TEST_LONGITUDES, LATITUDES, strict=True))
    patches: list[Patch] = []
    fits = 2 * reach < min(x1 - x0, y1 - y0)
    for _ in range(MAX_TRIES * n if fits else 0):
        if len(patches) == n:
            break
        center = (float(rng.uniform(x0 + reach, x1 - reach)), float(rng.uniform(y0 + reach, y1 - reach)))
        place = Placement(
            center_xy=center, angle_deg=float(rng.uniform(-max_angle_deg, max_angle_deg)), scale=1.0, similarity=1.0
        )
        if any(distance_px(center, other.placement.center_xy) < APART * size_px for other in patches):
            continue
        if not any(_holds(tile, place, size_px) for tile in tiles):
            continue
        land, sea = _shares(earth, place, size_px)
        if land >= QUERY_LAND_SHARE and sea >= QUERY_SEA_SHARE:
            image = cut_window(earth.b, place, size_px, size_px, f"relief_{len(patches) + 1}")
            patches.append(Patch(image=image, placement=place))
    if len(patches) < n:
        raise InputError(f"Only {len(patches)} of {n} patches of {size_px} px fit; ask for fewer or smaller ones.")
    return patches


def _holds(tile: Tile, place: Placement, size_px: int) -> bool:
    corners = window_corners(place, size_px, size_px) - tile.origin_xy
    return bool((corners >= 0).all() and (corners <= (tile.image.width_px - 1, tile.image.height_px - 1)).all())


def _shares(earth: Earth, place: Placement, size_px: int) -> tuple[float, float]:
    """Return the shares of land and of sea in a turned window, looked up at every eighth pixel."""
    steps = np.arange(0, size_px, 8, dtype=float)
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    x, y = np.rint(apply_matrix(query_to_repository(place, size_px, size_px), points)).astype(int).T
    return float(earth.land[y, x % WIDTH_PX].mean()), float(earth.sea[y, x % WIDTH_PX].mean())


def _spread(start: int, stop: int, size: int) -> list[int]:
    """Return the starts of about touching windows of `size` that cover start..stop, the last flush with the end."""
    n = max(1, round((stop - start) / size))
    return [start] if n == 1 else [round(v) for v in np.linspace(start, stop - size, n)]


def _name(x: float, y: float) -> str:
    """Return the place of a world pixel as a name, such as 30N_045E."""
    lon, lat = to_lon_lat(x, y)
    return f"{abs(lat):02.0f}{'N' if lat >= 0 else 'S'}_{abs(lon):03.0f}{'E' if lon >= 0 else 'W'}"
