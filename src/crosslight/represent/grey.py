"""Pixels of any kind -> 8 bits in one or three channels, as methods that know no training read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as every grey conversion of the paper's kind
PERCENTILES = (0.1, 99.9)


@dataclass(frozen=True, kw_only=True)
class Range:
    """The pixel values that become 0 and 255."""

    low: float
    high: float


def find_range(pixels: NDArray[np.generic]) -> Range:
    """Return 0 to 255 for uint8, else the 0.1 to 99.9 percentile of the samples."""
    if pixels.dtype == np.uint8:
        return Range(low=0.0, high=255.0)
    low, high = (float(v) for v in np.percentile(np.asarray(pixels, np.float32), PERCENTILES))
    return Range(low=low, high=high if high > low else low + 1.0)


def to_unit(pixels: NDArray[np.generic], limits: Range | None = None) -> Float32:
    """Return (H, W, C) pixels as float32 in [0, 1]; the image's own range where none is given."""
    limits = limits or find_range(pixels)
    values = (np.asarray(pixels, np.float32) - np.float32(limits.low)) / np.float32(limits.high - limits.low)
    unit: Float32 = np.clip(values, 0, 1)
    return unit


def to_grey(unit: Float32) -> Float32:
    """Return (H, W, C) as (H, W): the luminance of three channels, the mean of any other number."""
    grey: Float32 = unit @ LUMA if unit.shape[2] == 3 else unit.mean(axis=2, dtype=np.float32)
    return grey


def to_colour(unit: Float32) -> Float32:
    """Return (H, W, C) as (H, W, 3): three channels as they are, the grey of any other number three times."""
    if unit.shape[2] == 3:
        return unit
    return np.repeat(to_grey(unit)[:, :, None], 3, axis=2)


def to_codes(unit: Float32, *, colour: bool) -> NDArray[np.uint8]:
    """Return (H, W, C) in [0, 1] as uint8 of shape (3, H, W) where `colour`, else (1, H, W)."""
    chosen = to_colour(unit) if colour else to_grey(unit)[:, :, None]
    codes: NDArray[np.uint8] = np.rint(chosen.transpose(2, 0, 1) * 255).astype(np.uint8)
    return np.ascontiguousarray(codes)
