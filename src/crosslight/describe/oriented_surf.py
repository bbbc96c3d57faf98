"""Dense SURF with an orientation of its own at every point: it stays the same where the image is turned.

Slower than the upright kind, whose sums are shared between neighbouring blocks; here every block reads its own turned
samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crosslight.config import DescribeConfig
from crosslight.describe.grid import join_points, lay_grids, to_descriptors
from crosslight.describe.surf import GAUSSIAN_SIGMA, N_PARTS, N_SAMPLES, VALUES_PER_CHANNEL, response_maps
from crosslight.types import Descriptors, Float32, Representation

ORIENTATION_RADIUS = 6  # in units of the scale, as are the next two
ORIENTATION_SIGMA = 2.0
ORIENTATION_WAVELET = 2  # half the side
N_BINS = 72
WINDOW_BINS = N_BINS // 6  # pi / 3
CHUNK = 2048  # blocks described at once


class OrientedSurf:
    """Dense SURF at the points and widths of `Surf`, each block turned to its dominant direction.

    The direction is that of Bay et al. 2008 (doi 10.1016/j.cviu.2007.09.014, section 4.1): wavelet responses within
    6 s, weighted by a Gaussian of 2 s, summed over a sliding sector of 60 degrees; the longest sum is the direction.
    All channels share one direction, found from all of them. What a turned block reads beyond the edge are the
    outermost pixels.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self.config = config

    def n_values(self, n_channels: int) -> int:
        """Return D = 64 * n_channels."""
        return VALUES_PER_CHANNEL * n_channels

    def describe(self, representation: Representation) -> Descriptors:
        """Describe every block that lies within the representation; see `Surf.describe`."""
        grids = list(lay_grids(representation, self.config))
        raw = [_describe_blocks(representation.values, g.rows, g.cols, g.width / N_SAMPLES) for g in grids]
        return to_descriptors(np.concatenate(raw), *join_points(grids))


def _describe_blocks(values: Float32, rows: NDArray[np.intp], cols: NDArray[np.intp], scale: float) -> Float32:
    """Return the raw descriptors of all blocks of one scale, (n * m, 64 * C) float32."""
    n_channels = len(values)
    centres = np.stack([g.ravel() for g in np.meshgrid(rows, cols, indexing="ij")], axis=1)
    raw = np.empty((len(centres), n_channels * VALUES_PER_CHANNEL), np.float32)
    if len(centres) == 0:
        return raw
    wide = [wavelet_gradients(v, ORIENTATION_WAVELET * scale) for v in values]
    fine = [wavelet_gradients(v, scale) for v in values]
    for part in _chunks(len(centres)):
        angles = find_directions(wide, centres[part], scale)
        for channel, maps in enumerate(fine):
            block = slice(channel * VALUES_PER_CHANNEL, (channel + 1) * VALUES_PER_CHANNEL)
            raw[part, block] = sum_turned(maps, centres[part], angles, scale)
    return raw


def find_directions(maps: list[Float32], centres: NDArray[np.intp], scale: float) -> Float32:
    """Return the dominant direction at each centre.

    Parameters
    ----------
    maps : list of ndarray of shape (2, h + 1, w + 1), float32
        dx and dy at every pixel corner, per channel.
    centres : ndarray of shape (N, 2), intp
        Corner numbers (row, column).
    scale : float
        In representation pixels.

    Returns
    -------
    angles : ndarray of shape (N,), float32
        From the x axis towards the y axis (down), in radians.
    """
    reach = np.arange(-ORIENTATION_RADIUS, ORIENTATION_RADIUS + 1)
    dy, dx = (g.ravel() for g in np.meshgrid(reach, reach, indexing="ij"))
    inside = dx**2 + dy**2 < ORIENTATION_RADIUS**2
    offsets = np.stack([dy[inside], dx[inside]], axis=1).astype(np.float32)
    weights = np.exp(-0.5 * (offsets**2).sum(axis=1) / ORIENTATION_SIGMA**2).astype(np.float32)
    n = len(centres)
    sums = np.zeros((2, n * N_BINS))
    for channel in maps:
        turns = np.arctan2(channel[1], channel[0]) / np.float32(2 * np.pi) + np.float32(1)
        bins = (turns * np.float32(N_BINS)).astype(np.int32) % N_BINS
        at = _flat_places(channel, centres, np.rint(offsets * scale)[None])
        flat = (bins.ravel()[at] + N_BINS * np.arange(n, dtype=np.int32)[:, None]).ravel()
        for axis in (0, 1):
            found = channel[axis].ravel()[at] * weights
            sums[axis] += np.bincount(flat, found.ravel(), minlength=n * N_BINS)
    sectors = sums.reshape(2, n, N_BINS)
    sectors = np.sum([np.roll(sectors, -shift, axis=2) for shift in range(WINDOW_BINS)], axis=0)
    best = np.argmax((sectors**2).sum(axis=0), axis=1)
    x, y = sectors[:, np.arange(n), best]
    angles: Float32 = np.arctan2(y, x).astype(np.float32)
    return angles


def sum_turned(maps: Float32, centres: NDArray[np.intp], angles: Float32, scale: float) -> Float32:
    """Return (N, 64): the sums of dx, |dx|, dy, |dy| over 4 x 4 sub-regions along each block's own axes."""
    steps = (np.arange(N_SAMPLES) - (N_SAMPLES - 1) / 2).astype(np.float32)
    along_y, along_x = (g.ravel() for g in np.meshgrid(steps, steps, indexing="ij"))
    parts = _part_weights()
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = (along_x * cos - along_y * sin) * scale, (along_x * sin + along_y * cos) * scale
    at = _flat_places(maps, centres, np.rint(np.stack([y, x], axis=2)))
    dx, dy = maps[0].ravel()[at], maps[1].ravel()[at]
    sums = np.empty((len(centres), N_PARTS * N_PARTS, 4), np.float32)
    for place, turned in ((0, dx * cos + dy * sin), (2, dy * cos - dx * sin)):
        sums[:, :, place] = turned @ parts
        sums[:, :, place + 1] = np.abs(turned, out=turned) @ parts
    return sums.reshape(len(centres), VALUES_PER_CHANNEL)


@lru_cache(maxsize=1)
def _part_weights() -> Float32:
    """Return (400, 16): the Gaussian weight of each sample in its sub-region, 0 in the others."""
    steps = (np.arange(N_SAMPLES) - (N_SAMPLES - 1) / 2) / GAUSSIAN_SIGMA
    weights = np.exp(-0.5 * (steps[:, None] ** 2 + steps**2)).ravel()
    part = np.arange(N_SAMPLES) // (N_SAMPLES // N_PARTS)
    table = np.zeros((N_SAMPLES * N_SAMPLES, N_PARTS * N_PARTS), np.float32)
    table[np.arange(len(weights)), (part[:, None] * N_PARTS + part).ravel()] = weights
    return table


def _flat_places(maps: Float32, centres: NDArray[np.intp], offsets: Float32) -> NDArray[np.int32]:
    """Return where corners (N, 1, 2) + (., S, 2) lie in a flattened map, (N, S); those outside are at the edge."""
    height, width = maps.shape[1:]
    rows = centres[:, None, 0].astype(np.int32) + offsets[..., 0].astype(np.int32)
    cols = centres[:, None, 1].astype(np.int32) + offsets[..., 1].astype(np.int32)
    np.clip(rows, 0, height - 1, out=rows)
    np.clip(cols, 0, width - 1, out=cols)
    return rows * np.int32(width) + cols


def wavelet_gradients(image: Float32, scale: float) -> Float32:
    """Return dx and dy at every pixel corner of (h, w), as (2, h + 1, w + 1)."""
    return np.ascontiguousarray(response_maps(image[None], scale)[:, 0, 0::2].transpose(1, 0, 2))


def _chunks(n: int) -> Iterator[slice]:
    for start in range(0, n, CHUNK):
        yield slice(start, min(n, start + CHUNK))
