"""fit by translation: pairs -> a pix2pix or CycleGAN model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from crosslight.config import TranslationConfig
from crosslight.pipeline.recipe import N_DRAWN, Recipe, common_mpp, describe_training, mean_of_last, spread
from crosslight.registry import load
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.gan.samples import draw_samples
from crosslight.represent.gan.training import TranslationTraining
from crosslight.types import Pair, Progress

N_STEPS = 100  # whose mean losses are recorded


class TranslationRecipe(Recipe):
    """Generators in both directions: to_a.safetensors makes A from B, to_b.safetensors B from A."""

    config: TranslationConfig

    def n_steps(self, n_pairs: int) -> int:
        """Return the steps of `config.epochs` rounds through the pairs."""
        return max(1, self.config.epochs * n_pairs // self.config.n_pairs)

    @property
    def min_side_px(self) -> int:
        """A training crop."""
        return self.config.crop_px

    def start(self, intensities: tuple[Intensity, Intensity], device: torch.device, seed: int) -> TranslationTraining:
        """Return generators and discriminators that have learnt nothing."""
        kind: type[TranslationTraining] = load("translation", self.config.method)
        return kind(intensities, self.config, device=device, seed=seed)

    def watch(self, training: TranslationTraining, train: Sequence[Pair], val: Sequence[Pair], out: Path) -> None:
        """Draw what the generators make, every now and then, into samples/."""
        if training.step % self.config.sample_every == 0:
            path = out / "samples" / f"step_{training.step:06d}.jpg"
            draw_samples(self.to_model(training, train), spread(val or train, N_DRAWN), path)

    def to_model(self, training: TranslationTraining, train: Sequence[Pair]) -> TranslationModel:
        """Return the generators, which go on being trained."""
        kind: type[TranslationModel] = load("representer", self.config.method)
        names = [n for n in (training.records or [{}])[-1] if n not in ("step", "seconds", "learning_rate")]
        losses = {name: mean_of_last(training, name, N_STEPS) for name in names}
        return kind(
            config=self.config,
            generators={"A": training.generators["ba"], "B": training.generators["ab"]},
            intensities={"A": training.intensities[0], "B": training.intensities[1]},
            device=training.device,
            mpp=common_mpp(train[:1]),
            training={**describe_training(training, len(train)), "losses": losses},
        )

    def finish(
        self, model: TranslationModel, train: Sequence[Pair], val: Sequence[Pair], out: Path, progress: Progress
    ) -> TranslationModel:
        """Draw the preview; validation pairs are only looked at."""
        draw_samples(model, spread(val or train, N_DRAWN), out / "preview.png")
        return model
