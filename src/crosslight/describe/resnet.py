"""ResNet features as descriptors: one per channel of the last convolutional map, the same number for every image."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional

from crosslight.config import DescribeConfig
from crosslight.describe.grid import to_descriptors
from crosslight.describe.residual import load_network
from crosslight.describe.weights import find_weights
from crosslight.types import Descriptors, Float32, Representation

POOLED = 8
VALUES = POOLED * POOLED


class ResNet:
    """The last convolutional map of ResNet-152 with ImageNet weights, pooled to 8 x 8 (the paper's settings).

    Each of its 2048 channels is one descriptor of 64 values. Three channels are read as red, green and blue, one is
    copied into three; any other number of channels goes through one by one, and their values follow each other.
    `weights` of the settings names a safetensors file; without it the file fetched earlier is used.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self.config = config
        self._network = load_network(find_weights("resnet152", config.weights))

    def n_values(self, n_channels: int) -> int:
        """Return D = 64 for one or three channels, else 64 * n_channels."""
        return VALUES if n_channels in (1, 3) else VALUES * n_channels

    @torch.inference_mode()
    def describe(self, representation: Representation) -> Descriptors:
        """Describe the whole representation.

        Parameters
        ----------
        representation : Representation
            C channels of h x w pixels of any size; 8 bits of them are used.

        Returns
        -------
        descriptors : Descriptors
            N = 2048 with ResNet-152's weights; row n holds channel n of the last map, 8 x 8 row by row, at unit length;
            zeros where that channel is silent. All have the image's centre and its longer side.
        """
        codes = torch.from_numpy(representation.to_codes()).float() / 255
        images = codes[None] if len(codes) == 3 else codes[:, None].expand(-1, 3, -1, -1)
        parts: list[Float32] = []
        for image in images:
            pooled = functional.adaptive_avg_pool2d(self._network(image[None]), POOLED)[0]
            parts.append(pooled.flatten(1).numpy())
        values = np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)
        height, width = (side * representation.stride for side in codes.shape[1:])
        centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
        return to_descriptors(
            values, np.tile(centre, (len(values), 1)), np.full(len(values), max(height, width), np.float32)
        )
