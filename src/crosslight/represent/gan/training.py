"""Train two generators against two discriminators; pix2pix and CycleGAN say what the losses are."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from crosslight.config import TranslationConfig
from crosslight.errors import TrainingDivergedError
from crosslight.represent.checkpoint import pack_moments, unpack_moments
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.gan.crops import sample_crops
from crosslight.represent.gan.networks import build_generator, initialise
from crosslight.represent.gan.pool import ImagePool
from crosslight.represent.training import Groups, Record, ResumableTraining
from crosslight.types import Pair

Fakes = tuple[Tensor, Tensor]  # images of A made from B, images of B made from A


class TranslationTraining(ResumableTraining):
    """Generators "ab" and "ba", discriminators "a" and "b", and all that a checkpoint holds."""

    method: ClassVar[str]
    aligned: ClassVar[bool]
    checkpoint_every_s: ClassVar[float] = 300.0
    groups: ClassVar[tuple[str, ...]] = ("networks", "generators_adam", "discriminators_adam", "pools")

    config: TranslationConfig

    def __init__(
        self, intensities: tuple[Intensity, Intensity], config: TranslationConfig, *, device: torch.device, seed: int
    ) -> None:
        super().__init__(config, device=device, seed=seed)
        self.intensities = intensities
        n_a, n_b = (i.n_channels for i in intensities)
        self.generators = nn.ModuleDict(
            {"ab": build_generator(n_a, n_b, config), "ba": build_generator(n_b, n_a, config)}
        )
        self.discriminators = self.build_discriminators(n_a, n_b)
        draws = torch.Generator().manual_seed(seed)
        for networks in (self.generators, self.discriminators):
            initialise(networks, draws)
            networks.to(device)
        self.optimizers = tuple(
            torch.optim.Adam(n.parameters(), config.learning_rate, betas=(config.beta, 0.999))
            for n in (self.generators, self.discriminators)
        )
        self.pools = (ImagePool(config.pool), ImagePool(config.pool))

    @abstractmethod
    def build_discriminators(self, n_a: int, n_b: int) -> nn.ModuleDict:
        """Return the discriminators "a" and "b" for images of so many channels."""

    @abstractmethod
    def generator_losses(self, a: Tensor, b: Tensor) -> tuple[dict[str, Tensor], Fakes]:
        """Return what is summed and minimised by the generators, and their translations."""

    @abstractmethod
    def discriminator_losses(self, a: Tensor, b: Tensor, fakes: Fakes, rng: np.random.Generator) -> dict[str, Tensor]:
        """Return what is summed and minimised by the discriminators, for translations without gradient."""

    def _train_step(self, pairs: Sequence[Pair], fraction: float) -> Record:
        config = self.config
        rate = config.learning_rate * min(1.0, 2 * (1 - fraction))  # constant, then linear to zero
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        crops = sample_crops(
            pairs, self.intensities, crop_px=config.crop_px, n_pairs=config.n_pairs, aligned=self.aligned,
            step=self.step, seed=self.seed,
        )  # fmt: skip
        a, b = (x.to(self.device) for x in crops)
        rng = np.random.default_rng([self.seed, self.step, 1])
        self.generators.train()
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(int(rng.integers(2**62)))  # of the dropout
            self.discriminators.requires_grad_(False)
            losses, fakes = self.generator_losses(a, b)
            self._descend(0, losses)
            self.discriminators.requires_grad_(True)
            judged = self.discriminator_losses(a, b, (fakes[0].detach(), fakes[1].detach()), rng)
            self._descend(1, judged)
        return {**{k: float(v.detach()) for k, v in {**losses, **judged}.items()}, "learning_rate": rate}

    def _descend(self, which: int, losses: dict[str, Tensor]) -> None:
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(float(total.detach())):
            raise TrainingDivergedError(
                f"A loss became {float(total.detach())} at step {self.step}; lower the learning rate or look for "
                "damaged training images."
            )
        self.optimizers[which].zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizers[which].step()

    def _pack(self) -> Groups:
        networks = {f"g.{k}": v for k, v in self.generators.state_dict().items()}
        networks |= {f"d.{k}": v for k, v in self.discriminators.state_dict().items()}
        pools = {f"{side}.{i}": image for side in (0, 1) for i, image in enumerate(self.pools[side].images)}
        return dict(zip(self.groups, (networks, *(pack_moments(o) for o in self.optimizers), pools), strict=True))

    def _unpack(self, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
        networks = groups["networks"]
        self.generators.load_state_dict({k[2:]: v for k, v in networks.items() if k.startswith("g.")})
        self.discriminators.load_state_dict({k[2:]: v for k, v in networks.items() if k.startswith("d.")})
        for optimizer, name in zip(self.optimizers, self.groups[1:3], strict=True):
            unpack_moments(optimizer, groups[name])
        for side in (0, 1):
            n = sum(k.startswith(f"{side}.") for k in groups["pools"])
            self.pools[side].images = [groups["pools"][f"{side}.{i}"].to(self.device) for i in range(n)]
