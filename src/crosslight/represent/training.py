"""What every training shares: the budget, the loop, and going on after a stop."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from crosslight.errors import InputError, ModelError
from crosslight.represent.checkpoint import read_checkpoint, write_checkpoint
from crosslight.types import Pair, Progress

Record = dict[str, float]  # one line of training.csv
Groups = dict[str, dict[str, Tensor]]


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


class ResumableTraining(ABC):
    """Networks on their way. What is random depends on `seed` and `step` alone, so that a stop leaves no trace."""

    checkpoint_every_s: ClassVar[float] = 60.0
    groups: ClassVar[tuple[str, ...]]  # of tensors in a checkpoint

    def __init__(self, config: Any, *, device: torch.device, seed: int) -> None:
        self.config, self.device, self.seed = config, device, seed
        self.step, self.seconds = 0, 0.0
        self.records: list[Record] = []

    @abstractmethod
    def _train_step(self, pairs: Sequence[Pair], fraction: float) -> Record:
        """Change the networks once, the given share of the budget being used up; return losses and learning_rate."""

    @abstractmethod
    def _pack(self) -> Groups:
        """Return all tensors that going on needs, by group."""

    @abstractmethod
    def _unpack(self, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Undo `_pack`."""

    def _describe(self, record: Record) -> str:
        """Return what the progress says of a step."""
        return ", ".join(f"{name} {value:.2f}" for name, value in record.items() if name != "learning_rate")

    def run(
        self,
        pairs: Sequence[Pair],
        budget: Budget,
        *,
        checkpoint: Path | None = None,
        on_step: Callable[[], None] | None = None,
        progress: Progress,
    ) -> None:
        """Train until the budget is used up, calling `on_step` after each step.

        `checkpoint` is written now and then, at the end, and when a KeyboardInterrupt comes, which is passed on.
        Raises TrainingDivergedError when a loss is no longer finite.
        """
        if not pairs:
            raise InputError("There is no training pair; give at least one (a dozen or more is sensible).")
        try:
            self._run(pairs, budget, checkpoint, on_step, progress)
        except KeyboardInterrupt:
            if checkpoint is not None:
                self.save(checkpoint)
            raise
        if checkpoint is not None:
            self.save(checkpoint)

    def _run(
        self, pairs: Sequence[Pair], budget: Budget, checkpoint: Path | None, on_step: Callable[[], None] | None,
        progress: Progress,
    ) -> None:  # fmt: skip
        saved = clock = time.monotonic()
        while (fraction := budget.fraction(self.step, self.seconds)) < 1.0:
            record = self._train_step(pairs, fraction)
            self.step += 1
            now = time.monotonic()
            self.seconds += now - clock
            clock = now
            self.records.append({"step": self.step, "seconds": round(self.seconds, 3), **record})
            if checkpoint is not None and now - saved > self.checkpoint_every_s:
                self.save(checkpoint)
                saved = now
            if on_step is not None:
                on_step()
            progress(budget.fraction(self.step, self.seconds), 1.0, f"training: {self._describe(record)}")

    def save(self, folder: Path) -> None:
        """Write the checkpoint so that a kill leaves the old one or the new one."""
        state = {"step": self.step, "seconds": self.seconds, "records": self.records, **self._settings()}
        write_checkpoint(folder, self._pack(), state)

    def restore(self, folder: Path) -> None:
        """Go on from a checkpoint; raises ModelError when it is damaged or was made with other settings."""
        groups, state = read_checkpoint(folder, self.groups)
        if any(state.get(name) != value for name, value in json.loads(json.dumps(self._settings())).items()):
            raise ModelError(
                f"The checkpoint {folder} was made with other settings; use the same preset, options and --seed "
                "as before, or train again without --resume."
            )
        self._unpack(groups)
        self.step, self.seconds, self.records = state["step"], state["seconds"], state["records"]

    def _settings(self) -> dict[str, Any]:
        return {"seed": self.seed, "config": asdict(self.config)}
