"""SIFT at detected points with their own scale and orientation, as the paper used it."""

from __future__ import annotations

import cv2
import numpy as np

from crosslight.config import DescribeConfig
from crosslight.describe.grid import to_descriptors
from crosslight.describe.sift import VALUES_PER_CHANNEL, WIDTH_PER_SIZE
from crosslight.types import Descriptors, Float32, Representation

STEPS_PER_OCTAVE = 4
BASE_SIGMA = 1.6
OCTAVE_SIDES_PX = (32, 512)  # of the image that an octave is computed from


class DetectedSift:
    """SIFT (Lowe 2004) at extrema of the difference of Gaussians, turned to the dominant gradient.

    4 steps per octave, sigma 1.6, octaves whose image has a longer side of 32 to 512 px: the paper's settings. The
    points are detected in the mean of the channels and described in each; `step_px` and `sizes_px` of the settings
    are not used.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self.config = config
        self._sift = cv2.SIFT.create(nOctaveLayers=STEPS_PER_OCTAVE, sigma=BASE_SIGMA)

    def n_values(self, n_channels: int) -> int:
        """Return D = 128 * n_channels."""
        return VALUES_PER_CHANNEL * n_channels

    def describe(self, representation: Representation) -> Descriptors:
        """Describe what stands out.

        Parameters
        ----------
        representation : Representation
            C channels of h x w pixels; 8 bits of them are used.

        Returns
        -------
        descriptors : Descriptors
            Unit length; `size_px` is the width of the 4 x 4 cells. N = 0 where nothing stands out, as in a flat image.
        """
        codes, stride = representation.to_codes(), representation.stride
        mean = np.rint(codes.mean(axis=0)).astype(np.uint8)
        keypoints = [k for k in self._sift.detect(mean, None) if _is_in_range(k, max(mean.shape))]
        if not keypoints:
            empty = np.empty((0, self.n_values(len(codes))), np.float32)
            return to_descriptors(empty, np.empty((0, 2), np.float32), np.empty(0, np.float32))
        channels: list[Float32] = []
        for channel in codes:
            found = np.asarray(self._sift.compute(np.ascontiguousarray(channel), keypoints)[1], np.float32)
            channels.append(found)
        xy = (np.array([k.pt for k in keypoints], np.float32) + np.float32(0.5)) * stride - np.float32(0.5)
        sizes = np.array([k.size * WIDTH_PER_SIZE * stride for k in keypoints], np.float32)
        return to_descriptors(np.concatenate(channels, axis=1), xy, sizes)


def _is_in_range(keypoint: cv2.KeyPoint, side: int) -> bool:
    """Tell whether a keypoint's octave is computed from an image of allowed size."""
    octave = keypoint.octave & 255
    octave = octave - 256 if octave > 127 else octave
    return OCTAVE_SIDES_PX[0] <= side / 2.0**octave <= OCTAVE_SIDES_PX[1]
