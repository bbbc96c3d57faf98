"""The image pool: discriminators also see translations of some time ago, so that they do not chase the latest."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class ImagePool:
    """Keeps up to `size` images (Shrivastava et al. 2017, doi 10.1109/CVPR.2017.241, as CycleGAN uses it)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def exchange(self, batch: Tensor, rng: np.random.Generator) -> Tensor:
        """Return a batch of the same shape: each image is new or, half of the time, an old one that it replaces.

        The first `size` images are kept and returned as they are; with a size of 0 all are.
        """
        chosen = []
        for image in batch.detach():
            if len(self.images) < self.size:
                self.images.append(image.clone())
                chosen.append(image)
            elif self.size and rng.random() < 0.5:
                place = int(rng.integers(self.size))
                chosen.append(self.images[place])
                self.images[place] = image.clone()
            else:
                chosen.append(image)
        return torch.stack(chosen)
