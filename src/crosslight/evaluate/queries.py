"""What is asked with: whole images and centre patches, as they are or turned and shifted.

Windows are cut so that every pixel comes from the image: a turned "full" query is the largest window of the image's own
proportions that fits at its angle and shift.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

from crosslight.errors import ConfigError
from crosslight.geometry import cut_window, rotated_extent
from crosslight.types import Image, Modality, Placement

Size = Literal["full", "patch"]
SIZES: tuple[Size, Size] = ("full", "patch")
PATCH_SHARE = 256 / 834  # of the side, as in the paper
MARGIN_PX = 2.0  # bicubic interpolation reads two pixels around a point
MIN_QUERY_PX = 16


@dataclass(frozen=True, kw_only=True)
class QueryKind:
    """One column of the paper's Table 1: which modality is asked with, turned or not, and how much of the image."""

    modality: Modality
    transformed: bool
    size: Size


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How a query is moved: an angle and a shift, as shares of the image's short side."""

    angle_deg: float
    shift_x: float
    shift_y: float


STILL = Turn(angle_deg=0.0, shift_x=0.0, shift_y=0.0)


@dataclass(frozen=True, kw_only=True)
class QueryConfig:
    """How queries are cut: the largest angle and shift (share of the short side), and the side of a patch."""

    rotation_deg: float = 30.0
    shift: float = 0.12
    patch_share: float = PATCH_SHARE
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rotation_deg <= 180:
            raise ConfigError(f"rotation_deg is {self.rotation_deg}; use 0 to 180.")
        if not 0 <= self.shift < 0.4:
            raise ConfigError(f"shift is {self.shift}; use a share of the side from 0 to below 0.4.")
        if not 0 < self.patch_share <= 1:
            raise ConfigError(f"patch_share is {self.patch_share}; use a share in (0, 1].")


def draw_turn(name: str, config: QueryConfig) -> Turn:
    """Return the turn of the pair called `name`: the same for both its images and in every run with this seed."""
    rng = np.random.default_rng([config.seed, zlib.crc32(name.encode())])
    angle = rng.uniform(-config.rotation_deg, config.rotation_deg)
    x, y = rng.uniform(-config.shift, config.shift, 2)
    return Turn(angle_deg=float(angle), shift_x=float(x), shift_y=float(y))


def fitting_share(height_px: int, width_px: int, turn: Turn) -> float:
    """Return the side of the largest window that fits, as a share of the image's sides.

    The window has the image's proportions, is turned, and its centre is shifted from the image's centre.
    """
    short = min(height_px, width_px)
    rows, cols = rotated_extent(height_px, width_px, turn.angle_deg)
    down = height_px - 1 - 2 * (abs(turn.shift_y) * short + MARGIN_PX)
    across = width_px - 1 - 2 * (abs(turn.shift_x) * short + MARGIN_PX)
    return max(0.0, min(down / rows, across / cols))


def cut_query(image: Image, kind: QueryKind, turn: Turn, config: QueryConfig) -> Image:
    """Return the query that is asked for an image.

    Parameters
    ----------
    image : Image
        Of the modality `kind.modality`.
    kind : QueryKind
        Full or patch, transformed or not.
    turn : Turn
        Used when `kind.transformed`.
    config : QueryConfig
        How large a patch is.

    Returns
    -------
    query : Image
        Under the image's name. The whole image itself for an untransformed full query.
    """
    if kind.size == "full" and not kind.transformed:
        return image
    height, width = window_size(image.height_px, image.width_px, kind, turn, config)
    place = place_window(image.height_px, image.width_px, kind, turn, config)
    if kind.transformed:
        return cut_window(image, place, height, width, image.name)
    top, left = (image.height_px - height) // 2, (image.width_px - width) // 2  # its pixels stay untouched
    return Image(pixels=image.pixels[top : top + height, left : left + width], name=image.name, mpp=image.mpp)


def window_size(
    height_px: int, width_px: int, kind: QueryKind, turn: Turn, config: QueryConfig
) -> tuple[int, int]:  # fmt: skip
    """Return rows and columns of the window that is cut from an image of `height_px` x `width_px`."""
    if kind.size == "full" and not kind.transformed:
        return height_px, width_px
    share = fitting_share(height_px, width_px, turn if kind.transformed else STILL)
    if kind.size == "patch":
        share = min(config.patch_share, share) if kind.transformed else config.patch_share
    # A full window is rounded down, so that it fits.
    cut = round if kind.size == "patch" else int
    return max(MIN_QUERY_PX, cut(height_px * share)), max(MIN_QUERY_PX, cut(width_px * share))


def place_window(height_px: int, width_px: int, kind: QueryKind, turn: Turn, config: QueryConfig) -> Placement:
    """Return where that window lies in the image, and so in its partner: the answer to the query."""
    if not kind.transformed:
        rows, cols = window_size(height_px, width_px, kind, turn, config)
        top, left = (height_px - rows) // 2, (width_px - cols) // 2
        return Placement(
            center_xy=(left + (cols - 1) / 2, top + (rows - 1) / 2), angle_deg=0.0, scale=1.0, similarity=1.0
        )
    short = min(height_px, width_px)
    center = ((width_px - 1) / 2 + turn.shift_x * short, (height_px - 1) / 2 + turn.shift_y * short)
    return Placement(center_xy=center, angle_deg=turn.angle_deg, scale=1.0, similarity=1.0)
