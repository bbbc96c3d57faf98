"""pix2pix: translation learnt from aligned pairs (Isola et al. 2017, doi 10.1109/CVPR.2017.632), in both directions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.gan.networks import PatchDiscriminator
from crosslight.represent.gan.training import Fakes, TranslationTraining


class Pix2PixTraining(TranslationTraining):
    """Each direction on its own: a U-Net against a discriminator that sees input and output together.

    Loss of a generator: cross-entropy of the discriminator being deceived, plus 100 times the L1 distance to the
    partner; of a discriminator: half the cross-entropy of telling true pairs from made ones.
    """

    method: ClassVar[str] = "pix2pix"
    aligned: ClassVar[bool] = True

    def build_discriminators(self, n_a: int, n_b: int) -> nn.ModuleDict:
        """Return one for each output; both see the channels of both modalities."""
        width = self.config.discriminator_width
        return nn.ModuleDict({side: PatchDiscriminator(n_a + n_b, width, affine=True) for side in "ab"})

    def generator_losses(self, a: Tensor, b: Tensor) -> tuple[dict[str, Tensor], Fakes]:
        """Return adversarial and L1 losses, both directions together."""
        fake_b, fake_a = self.generators["ab"](a), self.generators["ba"](b)
        deceived = binary_loss(self._judge("b", a, fake_b), True) + binary_loss(self._judge("a", b, fake_a), True)
        distance = functional.l1_loss(fake_b, b) + functional.l1_loss(fake_a, a)
        return {"adversarial": deceived, "l1": self.config.l1 * distance}, (fake_a, fake_b)

    def discriminator_losses(self, a: Tensor, b: Tensor, fakes: Fakes, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return the loss of both discriminators together."""
        fake_a, fake_b = fakes
        total = 0.5 * (binary_loss(self._judge("b", a, b), True) + binary_loss(self._judge("b", a, fake_b), False))
        total = total + 0.5 * (
            binary_loss(self._judge("a", b, a), True) + binary_loss(self._judge("a", b, fake_a), False)
        )
        return {"discriminators": total}

    def _judge(self, side: str, given: Tensor, shown: Tensor) -> Tensor:
        logits: Tensor = self.discriminators[side](torch.cat([given, shown], dim=1))
        return logits


def binary_loss(logits: Tensor, real: bool) -> Tensor:
    """Return the mean cross-entropy of all patches being `real`."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


class Pix2PixModel(TranslationModel):
    """A trained pix2pix in both directions."""

    method: ClassVar[str] = "pix2pix"
