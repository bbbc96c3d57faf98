"""CycleGAN: translation learnt without partners (Zhu et al. 2017, doi 10.1109/ICCV.2017.244), in both directions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.gan.networks import PatchDiscriminator
from crosslight.represent.gan.training import Fakes, TranslationTraining


class CycleGanTraining(TranslationTraining):
    """Two generators that undo each other, each against a discriminator with an image pool; least-squares losses.

    The identity loss (a generator given its own output's kind leaves it) needs equal channel counts and is left out
    where they differ.
    """

    method: ClassVar[str] = "cyclegan"
    aligned: ClassVar[bool] = False

    def build_discriminators(self, n_a: int, n_b: int) -> nn.ModuleDict:
        """Return one for each modality."""
        width = self.config.discriminator_width
        return nn.ModuleDict({s: PatchDiscriminator(n, width, affine=False) for s, n in (("a", n_a), ("b", n_b))})

    def generator_losses(self, a: Tensor, b: Tensor) -> tuple[dict[str, Tensor], Fakes]:
        """Return adversarial, cycle and identity losses, both directions together."""
        to_b, to_a = self.generators["ab"], self.generators["ba"]
        fake_b, fake_a = to_b(a), to_a(b)
        cycle = functional.l1_loss(to_a(fake_b), a) + functional.l1_loss(to_b(fake_a), b)
        losses = {
            "adversarial": squared_loss(self.discriminators["b"](fake_b), True)
            + squared_loss(self.discriminators["a"](fake_a), True),
            "cycle": self.config.cycle * cycle,
        }
        if self.config.identity > 0 and a.shape[1] == b.shape[1]:
            same = functional.l1_loss(to_b(b), b) + functional.l1_loss(to_a(a), a)
            losses["identity"] = self.config.identity * self.config.cycle * same
        return losses, (fake_a, fake_b)

    def discriminator_losses(self, a: Tensor, b: Tensor, fakes: Fakes, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return the loss of both discriminators together, on images from the pools."""
        total = torch.zeros((), device=a.device)
        for side, real, fake, pool in zip("ab", (a, b), fakes, self.pools, strict=True):
            judge = self.discriminators[side]
            old = pool.exchange(fake, rng)
            total = total + 0.5 * (squared_loss(judge(real), True) + squared_loss(judge(old), False))
        return {"discriminators": total}


def squared_loss(scores: Tensor, real: bool) -> Tensor:
    """Return the mean squared distance of all patches from 1 where `real`, else from 0."""
    return (scores - float(real)).square().mean()


class CycleGanModel(TranslationModel):
    """A trained CycleGAN."""

    method: ClassVar[str] = "cyclegan"
