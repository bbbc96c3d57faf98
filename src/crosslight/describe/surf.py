"""Dense upright SURF: 64 values per channel from Haar wavelet responses around each point of a grid.

What a block holds depends on its corner only through a shift, and its Gaussian weight is separable. So the responses
are computed once for the whole representation, and all sums over blocks are two products with a sparse matrix: one
over rows, one over columns.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crosslight.config import DescribeConfig
from crosslight.describe.grid import join_points, lay_grids, to_descriptors
from crosslight.types import Descriptors, Float32, Representation

N_PARTS = 4  # sub-regions along each axis of a block
N_SAMPLES = 20  # samples along each axis of a block: 5 in each sub-region
N_SUMS = 4  # dx, |dx|, dy, |dy|
VALUES_PER_CHANNEL = N_PARTS * N_PARTS * N_SUMS
GAUSSIAN_SIGMA = 3.3  # in units of the scale
PIXELS_AT_ONCE = 2**15  # of a representation's channels, so that memory stays small


class Surf:
    """Dense upright SURF (Bay et al. 2008, doi 10.1016/j.cviu.2007.09.014, section 4.2), without orientation.

    A block of `width` pixels has scale s = width / 20 and 20 x 20 samples, s apart, each read at the nearest pixel
    corner. Widths and steps of the settings are image pixels; a representation of stride 4 sees a 32 px block as 8
    pixels, so s = 0.4. Haar wavelets of side 2 s are exact for any s > 0: they integrate the pixels as squares of
    constant value, and because they straddle a corner they never vanish between two different pixels.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self.config = config

    def n_values(self, n_channels: int) -> int:
        """Return D = 64 * n_channels."""
        return VALUES_PER_CHANNEL * n_channels

    def describe(self, representation: Representation) -> Descriptors:
        """Describe every block that lies within the representation.

        Parameters
        ----------
        representation : Representation
            C channels of h x w pixels. Beyond the edge the outermost pixels are repeated.

        Returns
        -------
        descriptors : Descriptors
            Ordered by size, then row, then column. A row of `values` holds the channels one after the other; within
            each, 4 x 4 sub-regions row by row; within each, the sums of dx, |dx|, dy and |dy|, x to the right and y
            down. Unit length over all channels together; zeros where every channel is flat. `strength` is the
            variance of a row before that. N = 0 when the smallest block does not fit.
        """
        grids = list(lay_grids(representation, self.config))
        raw = [describe_blocks(representation.values, g.rows, g.cols, g.width / N_SAMPLES) for g in grids]
        return to_descriptors(np.concatenate(raw), *join_points(grids))


def describe_blocks(values: Float32, rows: NDArray[np.intp], cols: NDArray[np.intp], scale: float) -> Float32:
    """Return the raw descriptors of all blocks of one scale.

    Parameters
    ----------
    values : ndarray of shape (C, h, w), float32
        A representation.
    rows, cols : ndarray of shape (n,) and (m,), intp
        Corner numbers of the grid's lines.
    scale : float
        Distance of samples, in representation pixels.

    Returns
    -------
    raw : ndarray of shape (n * m, 64 * C), float32
    """
    n_channels, height, width = values.shape
    n, m = len(rows), len(cols)
    raw = np.empty((n, m, n_channels, N_PARTS, N_PARTS, N_SUMS), np.float32)
    if raw.size == 0:
        return raw.reshape(0, n_channels * VALUES_PER_CHANNEL)
    over_rows, over_cols = (
        _sampling(tuple(lines.tolist()), side + 1, scale) for lines, side in ((rows, height), (cols, width))
    )
    at_once = max(1, PIXELS_AT_ONCE // (height * width))
    for first in range(0, n_channels, at_once):
        maps = response_maps(values[first : first + at_once], scale)
        n_here = maps.shape[1]
        sums = (over_rows @ maps.reshape(height + 1, -1)).reshape(-1, width + 1)
        sums = over_cols @ np.ascontiguousarray(sums.T)
        sums = sums.reshape(m, N_PARTS, n, N_PARTS, n_here, N_SUMS)
        raw[:, :, first : first + n_here] = sums.transpose(2, 0, 4, 3, 1, 5)
    return raw.reshape(n * m, n_channels * VALUES_PER_CHANNEL)


@lru_cache(maxsize=64)
def _sampling(centres: tuple[int, ...], n_corners: int, scale: float) -> csr_array:
    """Return the sparse (4 * n, n_corners) matrix of the Gaussian-weighted sums over the samples of each sub-region.

    Samples half-way between two corners go outwards, so that a block stays symmetric.
    """
    offsets = np.arange(N_SAMPLES) - (N_SAMPLES - 1) / 2
    shifts = (np.sign(offsets) * np.floor(np.abs(offsets) * scale + 0.5)).astype(np.intp)
    weights = np.exp(-0.5 * (offsets / GAUSSIAN_SIGMA) ** 2).astype(np.float32)
    corners = (np.array(centres)[:, None] + shifts).ravel()
    starts = np.arange(0, len(corners) + 1, N_SAMPLES // N_PARTS)
    return csr_array((np.tile(weights, len(centres)), corners, starts), shape=(len(starts) - 1, n_corners))


def response_maps(values: Float32, scale: float) -> Float32:
    """Return dx, |dx|, dy and |dy| at every pixel corner of channels (C, h, w), as (h + 1, C, 4, w + 1).

    A wavelet is the mean of its right (lower) half minus the mean of its left (upper) half. Along its axis that is the
    hat-weighted sum of the steps between neighbouring pixels, which is exactly zero where the image is flat. The
    channels are filtered as one tall image; their margins keep them apart.
    """
    hat, box = _wavelet(scale)
    reach = len(box) // 2
    n_channels, height, width = values.shape
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    dx = _filter_channels(padded[:, :, 1:] - padded[:, :, :-1], hat, box, (reach - 1, reach))
    dy = _filter_channels(padded[:, 1:] - padded[:, :-1], box, hat, (reach, reach - 1))
    maps = np.empty((height + 1, n_channels, N_SUMS, width + 1), np.float32)
    maps[:, :, 0] = dx[:, reach : reach + height + 1, reach - 1 : reach + width].swapaxes(0, 1)
    maps[:, :, 2] = dy[:, reach - 1 : reach + height, reach : reach + width + 1].swapaxes(0, 1)
    np.abs(maps[:, :, 0::2], out=maps[:, :, 1::2])
    return maps


def _filter_channels(steps: Float32, along: Float32, down: Float32, anchor: tuple[int, int]) -> Float32:
    """Return every channel of (C, h, w) under a separable kernel, the columns' and the rows' parts given."""
    n_channels, height, width = steps.shape
    tall = cv2.sepFilter2D(steps.reshape(n_channels * height, width), -1, along, down, anchor=anchor)
    return np.asarray(tall, np.float32).reshape(steps.shape)


@lru_cache(maxsize=64)
def _wavelet(scale: float) -> tuple[Float32, Float32]:
    """Return the hat along a Haar wavelet's axis, (2 r - 1,), and the box across it, (2 r,): r = scale rounded up."""
    reach = int(np.ceil(scale))
    steps, edges = np.arange(1 - reach, reach), np.arange(-reach, reach)
    hat = np.maximum(0, scale - np.abs(steps)) / scale
    box = np.clip(np.minimum(edges + 1, scale) - np.maximum(edges, -scale), 0, 1) / (2 * scale)
    return hat.astype(np.float32), box.astype(np.float32)
