"""Train the two networks: batches of crops of the same places, turned against each other, InfoNCE."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from crosslight.config import FitConfig, OptimizerConfig
from crosslight.errors import TrainingDivergedError
from crosslight.represent.checkpoint import pack_moments, unpack_moments
from crosslight.represent.comir.augment import change_tones, sample_batch
from crosslight.represent.comir.fold import fold_norms
from crosslight.represent.comir.infer import run_batch
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.mining import Confusion, mine_confusions
from crosslight.represent.comir.moves import draw_free_moves, draw_quarter_moves, in_cells
from crosslight.represent.comir.network import build_network, members_of
from crosslight.represent.comir.optimizer import build_optimizer
from crosslight.represent.comir.start import load_start
from crosslight.represent.training import Groups, Record, ResumableTraining
from crosslight.types import Float64, Pair


class Training(ResumableTraining):
    """Two networks on their way: what a checkpoint holds."""

    groups: ClassVar[tuple[str, ...]] = ("networks", "optimizer", "mined")

    config: FitConfig

    def __init__(
        self, intensities: tuple[Intensity, Intensity], config: FitConfig, *, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        super().__init__(config, device=device, seed=seed)
        self.intensities = intensities
        self.networks = nn.ModuleList(build_network(i.n_channels, config.network) for i in intensities)
        self.starts_settled = config.start == "shipped" and all(
            [load_start(n, config.network, i.n_channels) for n, i in zip(self.networks, intensities, strict=True)]
        )
        self.networks.to(device)
        for network in self.networks:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = build_optimizer(self.networks, config.optimizer)
        self.confusions: list[Confusion] = []

    def _train_step(self, pairs: Sequence[Pair], fraction: float) -> Record:
        config = self.config
        # Randomness depends on seed and step alone, so that a resumed run goes on as if never stopped.
        rng = np.random.default_rng([self.seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rate = learning_rate(config.optimizer, self.step, fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._mine(pairs, rng)
        self._set_modes(fraction)
        stride = int(self.networks[0].stride)  # type: ignore[arg-type]
        moves = self._draw_moves(stride, rng)
        confused = self._draw_confusions(rng)
        crops = sample_batch(pairs, moves, self.intensities, config.augment, rng, confused)
        each_a, each_b = (self._represent(side, x, generator) for side, x in enumerate(crops))
        loss, accuracy = self._compare(each_a, each_b, in_cells(moves, stride).to(self.device))
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"The loss became {value} at step {self.step}; lower the learning rate "
                f"(it was {rate:.2g}) or look for damaged training images."
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.networks.parameters(), config.optimizer.gradient_norm)
        self.optimizer.step()
        return {"loss": value, "accuracy": accuracy, "learning_rate": rate}

    def _describe(self, record: Record) -> str:
        return f"loss {record['loss']:.3f}, in-batch accuracy {record['accuracy']:.2f}"

    def _draw_moves(self, stride: int, rng: np.random.Generator) -> Float64:
        n, size, reach = self.config.optimizer.n_pairs, self.config.augment.crop_px, self.config.augment.shift_cells
        if self.config.loss.critic == "windows":
            return draw_free_moves(n, size, reach * stride, rng)
        return draw_quarter_moves(n, size, reach, stride, rng)

    def _set_modes(self, fraction: float) -> None:
        """Train everything; but let batch norm keep its statistics once they are good."""
        self.networks.train()
        if self.starts_settled or fraction >= self.config.optimizer.freeze_norm:
            for module in self.networks.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _mine(self, pairs: Sequence[Pair], rng: np.random.Generator) -> None:
        """Now and then look for what is hard, in turn for windows of A and of B."""
        config = self.config.optimizer
        if config.hard_share == 0 or self.step == 0 or self.step % config.mine_every:
            return
        quick = [fold_norms(network) for network in self.networks]

        def represent(side: int, images: Tensor) -> Tensor:
            return torch.cat(self._run_network(quick[side], side, images), dim=1)

        asked = self.step // config.mine_every % 2
        multiple_px = int(self.networks[0].multiple_px)  # type: ignore[arg-type]
        self.confusions = mine_confusions(represent, multiple_px, pairs, self.intensities, asked, rng)

    def _draw_confusions(self, rng: np.random.Generator) -> list[Confusion]:
        config = self.config.optimizer
        n = min(len(self.confusions), int(config.n_pairs * config.hard_share / 2))
        return [self.confusions[i] for i in rng.choice(len(self.confusions), n, replace=False)] if n else []

    def _represent(self, side: int, crops: Tensor, generator: torch.Generator) -> list[Tensor]:
        """Change the tones of one modality's crops in [0, 1] and run its network on them."""
        return self._run_network(self.networks[side], side, change_tones(crops, self.config.augment, generator))

    def _run_network(self, network: nn.Module, side: int, x: Tensor) -> list[Tensor]:
        """Run a network on images in [0, 1]; of an ensemble each member for itself."""
        return [run_batch(member, self.intensities[side], x, self.device) for member in members_of(network)]

    def _compare(self, each_a: Sequence[Tensor], each_b: Sequence[Tensor], moves: Tensor) -> tuple[Tensor, float]:
        """Return loss and accuracy, the means over the members of an ensemble."""
        both = zip(each_a, each_b, strict=True)
        losses, accuracies = zip(*(contrastive_loss(a, b, moves, self.config.loss) for a, b in both), strict=True)
        return torch.stack(losses).mean(), sum(accuracies) / len(accuracies)

    def _pack(self) -> Groups:
        mined = torch.tensor(self.confusions, dtype=torch.float64)
        return {
            "networks": self.networks.state_dict(),
            "optimizer": pack_moments(self.optimizer),
            "mined": {"confusions": mined},
        }

    def _unpack(self, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
        self.networks.load_state_dict(groups["networks"])
        unpack_moments(self.optimizer, groups["optimizer"])
        self.confusions = [Confusion.from_row(row) for row in groups["mined"]["confusions"].tolist()]


def learning_rate(config: OptimizerConfig, step: int, fraction: float) -> float:
    """Return the rate at a step: linear warm-up, then constant or a half cosine to zero over the budget."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    decay = 0.5 * (1 + math.cos(math.pi * fraction)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * warm * decay
