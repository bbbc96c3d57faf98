"""Pixel values -> what the networks read: one range, an optional logarithm, zero mean and unit variance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32, Image

LOG_GAIN = 20.0  # of "auto": compresses a bright tail as SHG and fluorescence have it
DARK_MEDIAN = 0.12  # below this median the histogram counts as skewed
SAMPLE_PX = 20_000  # pixels looked at per image
BYTE = 255


@dataclass(frozen=True, kw_only=True)
class Intensity:
    """How one modality's pixel values are brought to what its network reads.

    ``v = clip((x - low) / (high - low), 0, 1)``; with a logarithm ``v = log(1 + gain v) / log(1 + gain)``; then
    ``(v - mean) / std`` per channel.
    """

    n_channels: int
    low: float
    high: float
    log_gain: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def unit(self, pixels: NDArray[np.generic]) -> Float32:
        """Return pixels of shape (H, W, C) as float32 in [0, 1], range and logarithm applied."""
        v: Float32 = np.asarray(pixels, dtype=np.float32)
        v = np.clip((v - np.float32(self.low)) / np.float32(self.high - self.low), 0, 1)
        if self.log_gain > 0:
            v = np.log1p(np.float32(self.log_gain) * v) / np.float32(np.log1p(self.log_gain))
        return v


def sample_pixels(image: Image) -> NDArray[np.generic]:
    """Return evenly spread pixels, (N, C)."""
    flat = image.pixels.reshape(-1, image.n_channels)
    return flat[:: max(1, len(flat) // SAMPLE_PX)]


def measure_intensity(images: Iterable[Image], log: str) -> Intensity:
    """Look at training images of one modality and return its `Intensity`.

    8-bit images keep their full range 0 to 255; for others the range is the 0.1 to 99.9 percentile of all samples.
    `log` is "on" (gain 1, as in the paper), "off", or "auto" (gain 20 where the median lies in the darkest 12 %).
    """
    samples, eight_bit = [], True
    for image in images:
        samples.append(sample_pixels(image).astype(np.float32))
        eight_bit &= image.pixels.dtype == np.uint8
    values = np.concatenate(samples)
    low, high = (0.0, float(BYTE)) if eight_bit else (float(v) for v in np.percentile(values, (0.1, 99.9)))
    high = high if high > low else low + 1.0
    median = float(np.median((values - low) / (high - low)))
    gain = {"on": 1.0, "off": 0.0, "auto": LOG_GAIN if median < DARK_MEDIAN else 0.0}[log]
    plain = Intensity(n_channels=values.shape[1], low=low, high=high, log_gain=gain, mean=(), std=())
    unit = plain.unit(values)
    return Intensity(
        n_channels=plain.n_channels,
        low=low,
        high=high,
        log_gain=gain,
        mean=tuple(float(v) for v in unit.mean(axis=0)),
        std=tuple(float(v) for v in np.maximum(unit.std(axis=0), 1e-3)),
    )
