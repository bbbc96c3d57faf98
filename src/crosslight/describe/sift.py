"""Dense SIFT and RootSIFT by OpenCV, at the same points and block widths as dense SURF.

SURF was patented and SIFT's patent ended in 2020: this is the describer for who must avoid SURF.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.config import DescribeConfig
from crosslight.describe.grid import join_points, lay_grids, to_descriptors
from crosslight.types import Descriptors, Float32, Representation

VALUES_PER_CHANNEL = 128
WIDTH_PER_SIZE = 6  # OpenCV's 4 x 4 histograms are each 1.5 keypoint sizes wide
BASE_SIGMA = 1.6  # blur of an octave's first layer
LAYERS_PER_OCTAVE = 3


class Sift:
    """Dense upright SIFT (Lowe 2004, doi 10.1023/B:VISI.0000029664.99615.94) of the 8-bit representation.

    OpenCV scales every channel's descriptor to the same length, so a channel of little contrast counts like the
    others; the channels together then have unit length.
    """

    root = False

    def __init__(self, config: DescribeConfig) -> None:
        self.config = config
        self._sift = cv2.SIFT.create(nOctaveLayers=LAYERS_PER_OCTAVE, sigma=BASE_SIGMA)

    def n_values(self, n_channels: int) -> int:
        """Return D = 128 * n_channels."""
        return VALUES_PER_CHANNEL * n_channels

    def describe(self, representation: Representation) -> Descriptors:
        """Describe every block that lies within the representation.

        Parameters
        ----------
        representation : Representation
            C channels of h x w pixels; 8 bits of them are used.

        Returns
        -------
        descriptors : Descriptors
            Ordered by size, then row, then column; a row of `values` holds the channels one after the other, each
            4 x 4 cells of 8 directions. Unit length; zeros where every channel is flat. N = 0 when the smallest
            block does not fit.
        """
        xy, size_px = join_points(list(lay_grids(representation, self.config)))
        if len(xy) == 0:
            return to_descriptors(np.empty((0, self.n_values(representation.n_channels)), np.float32), xy, size_px)
        stride = representation.stride
        cells = (xy + 0.5) / stride - 0.5
        keypoints = [_keypoint(x, y, w / stride) for (x, y), w in zip(cells.tolist(), size_px.tolist(), strict=True)]
        channels = [self._describe_channel(codes, keypoints) for codes in representation.to_codes()]
        return to_descriptors(np.concatenate(channels, axis=1), xy, size_px)

    def _describe_channel(self, codes: NDArray[np.uint8], keypoints: list[cv2.KeyPoint]) -> Float32:
        """Return (N, 128) float32 of one channel of uint8 (h, w)."""
        codes = np.ascontiguousarray(codes)
        found = np.asarray(self._sift.compute(codes, keypoints)[1], np.float32)
        found[_are_flat(codes, keypoints)] = 0
        if self.root:
            found = np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), np.float32(1)))
        return found


class RootSift(Sift):
    """SIFT compared by the Hellinger kernel: square roots of L1-normalised values (Arandjelovic & Zisserman 2012)."""

    root = True


def _keypoint(x: float, y: float, width: float) -> cv2.KeyPoint:
    """Return OpenCV's upright keypoint for a block, with the pyramid layer whose blur is nearest to its sigma."""
    size = width / WIDTH_PER_SIZE
    layer = round(LAYERS_PER_OCTAVE * math.log2(size / 2 / BASE_SIGMA))
    octave = max(-1, (layer - 1) // LAYERS_PER_OCTAVE)
    layer = max(0, layer - LAYERS_PER_OCTAVE * octave)
    return cv2.KeyPoint(x=x, y=y, size=size, angle=0, response=0, octave=(octave & 255) | (layer << 8))


def _are_flat(codes: NDArray[np.uint8], keypoints: list[cv2.KeyPoint]) -> NDArray[np.bool_]:
    """Tell which keypoints lie in a block of one value: OpenCV would scale rounding errors up to full length."""
    corners = np.array([k.pt for k in keypoints]) + 0.5
    cols, rows = np.rint(corners).astype(np.intp).T
    widths = np.array([round(k.size * WIDTH_PER_SIZE) for k in keypoints])
    flat = np.empty(len(keypoints), bool)
    for width in np.unique(widths):
        spread = cv2.morphologyEx(codes, cv2.MORPH_GRADIENT, np.ones((width, width), np.uint8))
        chosen = widths == width
        flat[chosen] = spread[rows[chosen], cols[chosen]] == 0
    return flat
