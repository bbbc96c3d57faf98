"""Train the two networks: batches of aligned crops, C4 turns, InfoNCE."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosslight.config import FitConfig, OptimizerConfig
from crosslight.errors import InputError, ModelError, TrainingDivergedError
from crosslight.represent.comir.augment import Batch, change_tones, sample_batch
from crosslight.represent.comir.device import low_precision
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.loss import contrastive_loss
from crosslight.represent.comir.network import build_network
from crosslight.represent.comir.start import load_start
from crosslight.types import Pair, Progress

CHECKPOINT_EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One line of training.csv."""

    step: int
    seconds: float
    loss: float
    accuracy: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When training ends: after `minutes` of computing where given, else after `steps`."""

    steps: int
    minutes: float | None = None

    def fraction(self, step: int, seconds: float) -> float:
        """Return the finished share, in [0, 1]."""
        if self.minutes is not None:
            return min(1.0, seconds / (60 * self.minutes))
        return min(1.0, step / self.steps) if self.steps > 0 else 1.0


class Training:
    """Two networks on their way: what a checkpoint holds."""

    def __init__(
        self, intensities: tuple[Intensity, Intensity], config: FitConfig, *, device: torch.device, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self.config, self.intensities, self.device, self.seed = config, intensities, device, seed
        self.networks = nn.ModuleList(build_network(i.n_channels, config.network) for i in intensities)
        if config.start == "shipped":
            for network, intensity in zip(self.networks, intensities, strict=True):
                load_start(network, intensity.n_channels)
        self.networks.to(device)
        for network in self.networks:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = _build_optimizer(self.networks, config.optimizer)
        self.step, self.seconds = 0, 0.0
        self.records: list[StepRecord] = []

    def run(self, pairs: Sequence[Pair], budget: Budget, *, checkpoint: Path | None = None, progress: Progress) -> None:
        """Train until the budget is used up; raises TrainingDivergedError when the loss is no longer finite."""
        if not pairs:
            raise InputError("There is no training pair; give at least one (a dozen or more is sensible).")
        saved = clock = time.monotonic()
        while (fraction := budget.fraction(self.step, self.seconds)) < 1.0:
            record = self._train_step(pairs, fraction)
            now = time.monotonic()
            self.seconds += now - clock
            clock = now
            self.records.append(record)
            if checkpoint is not None and now - saved > CHECKPOINT_EVERY_S:
                self.save(checkpoint)
                saved = now
            done = budget.fraction(self.step, self.seconds)
            progress(done, 1.0, f"training: loss {record.loss:.3f}, in-batch accuracy {record.accuracy:.2f}")

    def _train_step(self, pairs: Sequence[Pair], fraction: float) -> StepRecord:
        config = self.config
        # Randomness depends on seed and step alone, so that a resumed run goes on as if never stopped.
        rng = np.random.default_rng([self.seed, self.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        rate = learning_rate(config.optimizer, self.step, fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._set_modes(fraction)
        reach, stride = config.augment.shift_cells, int(self.networks[0].stride)  # type: ignore[arg-type]
        rows, cols = (int(v) for v in rng.integers(-reach, reach + 1, 2))
        a, b = sample_batch(
            pairs,
            config.optimizer.n_pairs,
            self.intensities,
            config.augment,
            rng,
            (rows * stride, cols * stride),
        )
        z_a = a.overlap(self._represent(0, a, generator), (rows, cols))
        z_b = b.overlap(self._represent(1, b, generator), (-rows, -cols))
        loss, accuracy = contrastive_loss(z_a, z_b, config.loss)
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
        self.step += 1
        return StepRecord(step=self.step, seconds=self.seconds, loss=value, accuracy=accuracy, learning_rate=rate)

    def _set_modes(self, fraction: float) -> None:
        """Train everything; but let batch norm keep its statistics once they are good."""
        self.networks.train()
        if fraction >= self.config.optimizer.freeze_norm:
            for module in self.networks.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _represent(self, side: int, batch: Batch, generator: torch.Generator) -> Tensor:
        """Run one modality's crops, in the orientation in which they were cut."""
        x = change_tones(batch.crops, self.config.augment, generator)
        intensity = self.intensities[side]
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (intensity.mean, intensity.std))
        x = ((x - mean) / std).to(self.device, memory_format=torch.channels_last)
        with low_precision(self.device):
            z: Tensor = self.networks[side](x)
        return z.float()

    def save(self, folder: Path) -> None:
        """Write the checkpoint so that a kill leaves the old one or the new one."""
        new = folder.with_name(folder.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        save_file({k: v.contiguous() for k, v in self.networks.state_dict().items()}, new / "networks.safetensors")
        moments = {
            f"{index}.{key}": torch.as_tensor(value).contiguous()
            for index, values in self.optimizer.state_dict()["state"].items()
            for key, value in values.items()
            if value is not None
        }
        save_file(moments, new / "optimizer.safetensors")
        state = {"step": self.step, "seconds": self.seconds, "seed": self.seed, "config": asdict(self.config)}
        state["records"] = [asdict(r) for r in self.records]
        (new / "state.json").write_text(json.dumps(state), encoding="utf-8")
        old = folder.with_name(folder.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.replace(old)
        new.replace(folder)
        shutil.rmtree(old, ignore_errors=True)

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint; raises ModelError when it is damaged or was made with other settings."""
        if not folder.exists():
            folder = folder.with_name(folder.name + ".old")  # killed between the two renames
        try:
            state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
            networks = load_file(folder / "networks.safetensors")
            moments = load_file(folder / "optimizer.safetensors")
        except Exception as error:
            raise ModelError(
                f"The checkpoint {folder} cannot be read ({error}); train again without --resume."
            ) from error
        if json.loads(json.dumps(asdict(self.config))) != state["config"] or self.seed != state["seed"]:
            raise ModelError(
                f"The checkpoint {folder} was made with other settings; use the same preset, options and --seed "
                "as before, or train again without --resume."
            )
        self.networks.load_state_dict(networks)
        values: dict[int, dict[str, Tensor]] = {}
        for name, tensor in moments.items():
            index, key = name.split(".", 1)
            values.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": values})
        self.step, self.seconds = state["step"], state["seconds"]
        self.records = [StepRecord(**r) for r in state["records"]]


def learning_rate(config: OptimizerConfig, step: int, fraction: float) -> float:
    """Return the rate at a step: linear warm-up, then constant or a half cosine to zero over the budget."""
    warm = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    decay = 0.5 * (1 + math.cos(math.pi * fraction)) if config.schedule == "cosine" else 1.0
    return config.learning_rate * warm * decay


def _build_optimizer(networks: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    if config.name == "sgd":
        return torch.optim.SGD(
            networks.parameters(), config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(networks.parameters(), config.learning_rate, weight_decay=config.weight_decay)
