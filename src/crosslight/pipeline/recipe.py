"""What `fit` has to know of one kind of model; and what all kinds share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from crosslight import __version__
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.training import ResumableTraining
from crosslight.settings import to_dict
from crosslight.types import Pair, Progress

N_DRAWN = 4  # pairs in the preview


class Recipe(ABC):
    """How one kind of model is made by training."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def n_steps(self, n_pairs: int) -> int:
        """Return how many steps the settings ask for."""

    @property
    @abstractmethod
    def min_side_px(self) -> int:
        """The least height and width of a training image."""

    @abstractmethod
    def start(self, intensities: tuple[Intensity, Intensity], device: torch.device, seed: int) -> ResumableTraining:
        """Return the networks before the first step."""

    @abstractmethod
    def watch(self, training: Any, train: Sequence[Pair], val: Sequence[Pair], out: Path) -> None:
        """Look at the training after each step."""

    @abstractmethod
    def to_model(self, training: Any, train: Sequence[Pair]) -> Any:
        """Return the networks, as they are, as a model; its record says that it is not finished."""

    @abstractmethod
    def finish(self, model: Any, train: Sequence[Pair], val: Sequence[Pair], out: Path, progress: Progress) -> Any:
        """Write preview.png and what else a finished model has; return the model with what was learnt on the way."""


def spread(pairs: Sequence[Pair], most: int) -> list[Pair]:
    """Return at most `most` pairs, evenly from the first to the last."""
    n = min(len(pairs), most)
    return [pairs[round(i * (len(pairs) - 1) / max(1, n - 1))] for i in range(n)]


def common_mpp(pairs: Sequence[Pair]) -> float | None:
    """Return the pixel size of all A images, in micrometres, or None where they differ or do not say."""
    sizes = {p.a.mpp for p in pairs}
    return sizes.pop() if len(sizes) == 1 else None


def describe_training(training: ResumableTraining, n_pairs: int) -> dict[str, object]:
    """Return the record of a training that is not finished, without its losses."""
    return {
        "crosslight": __version__,
        "finished": False,
        "config": to_dict(training.config),
        "seed": training.seed,
        "n_pairs": n_pairs,
        "steps": training.step,
        "seconds": round(training.seconds, 1),
        "device": str(training.device),
        "threads": torch.get_num_threads(),
        "date": time.strftime("%Y-%m-%d"),
    }


def mean_of_last(training: ResumableTraining, name: str, n: int) -> float:
    """Return the mean of one column of the records over the last `n` steps; 0 before the first step."""
    last = [record[name] for record in training.records[-n:]]
    return round(sum(last) / max(1, len(last)), 4)
