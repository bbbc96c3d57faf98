"""Two images of the whole Earth, and where on it a pixel lies.

World pixels are those of the two images: x grows eastwards from 180 W, y southwards from the north pole, 15 a degree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.geometry import window_corners
from crosslight.read.image import read_image
from crosslight.types import Float64, Image, Placement

FOLDER = Path(__file__).parent
PX_PER_DEGREE = 15
WIDTH_PX, HEIGHT_PX = 360 * PX_PER_DEGREE, 180 * PX_PER_DEGREE
ICE_LEVEL = 150  # darkest channel of the true-colour image from which on it is snow, ice or cloud


@dataclass(frozen=True, eq=False, kw_only=True)
class Earth:
    """The two images, and where land and sea are.

    Attributes
    ----------
    a : Image
        True colour, (2700, 5400, 3) uint8.
    b : Image
        Relief in grey, (2700, 5400, 1) uint8: its colours would give the coast away.
    land, sea : ndarray of shape (2700, 5400), bool
        Land without snow and ice; sea.
    """

    a: Image
    b: Image
    land: NDArray[np.bool_]
    sea: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Tile:
    """One image of the repository, and the world pixel (x, y) of its first pixel."""

    image: Image
    origin_xy: tuple[int, int]

    def to_world(self, points_xy: Float64) -> Float64:
        """Return world pixels for pixels of this tile, both of shape (N, 2)."""
        return np.asarray(points_xy + np.array(self.origin_xy), dtype=np.float64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Patch:
    """A query with its truth: `placement` says in world pixels where it was cut."""

    image: Image
    placement: Placement

    @property
    def lon_lat(self) -> tuple[float, float]:
        """Longitude (east positive) and latitude (north positive) of the centre, in degrees."""
        return to_lon_lat(*self.placement.center_xy)

    @property
    def corners_xy(self) -> Float64:
        """World pixels of the corners, (4, 2): top-left, top-right, bottom-right, bottom-left of the query."""
        return window_corners(self.placement, self.image.height_px, self.image.width_px)


def to_world_xy(lon: float, lat: float) -> tuple[float, float]:
    """Return the world pixel (x, y) of a longitude and latitude in degrees; pixel centres on whole numbers."""
    return (lon + 180.0) * PX_PER_DEGREE - 0.5, (90.0 - lat) * PX_PER_DEGREE - 0.5


def to_lon_lat(x: float, y: float) -> tuple[float, float]:
    """Undo `to_world_xy`; the longitude comes back within [-180, 180)."""
    return ((x + 0.5) / PX_PER_DEGREE) % 360.0 - 180.0, 90.0 - (y + 0.5) / PX_PER_DEGREE


def distance_px(first_xy: tuple[float, float], second_xy: tuple[float, float]) -> float:
    """Return how far two world pixels lie apart, the short way round the Earth."""
    dx = abs(first_xy[0] - second_xy[0]) % WIDTH_PX
    return math.hypot(min(dx, WIDTH_PX - dx), first_xy[1] - second_xy[1])


def say_lon_lat(lon: float, lat: float) -> str:
    """Return a place as people write it, such as ``27.3 N, 88.1 E``."""
    return f"{abs(lat):.1f} {'N' if lat >= 0 else 'S'}, {abs(lon):.1f} {'E' if lon >= 0 else 'W'}"


def load_earth() -> Earth:
    """Read the two images that come with the package."""
    a, b = (read_image(FOLDER / f"{modality}.jpg") for modality in "AB")
    red, green, blue = (b.pixels[:, :, c].astype(np.int16) for c in range(3))
    sea = (red + 12 < blue) & (green <= blue)  # it is drawn in blues, land in all else
    grey = np.asarray(cv2.cvtColor(b.pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    visible = a.pixels.min(axis=2) < ICE_LEVEL
    return Earth(a=a, b=Image(pixels=grey[:, :, None], name="relief"), land=~sea & visible, sea=sea)
