"""TC-Net: one shared network for both modalities, trained by triplets and auxiliary classifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as functional

from crosslight.baselines.base import Similarities, check_distinct, rank_names
from crosslight.baselines.densenet import DenseNet
from crosslight.baselines.tcnet_training import TcNetConfig, TcNetTraining, normalise, resize_square
from crosslight.errors import ConfigError, InputError, say_count
from crosslight.progress import silent
from crosslight.represent.checkpoint import has_checkpoint
from crosslight.represent.grey import to_colour, to_unit
from crosslight.represent.training import Budget
from crosslight.types import Float32, Image, Modality, Pair, Progress


class TcNet:
    """TC-Net (Lin et al. 2019, doi 10.1145/3343031.3350900), written from its publication.

    A DenseNet turns images of either modality, resized to a square, into one feature row each; the similarity is the
    cosine. Anchors of the triplets are of the query's modality, and each pair is a class of its own.
    """

    learns: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, TcNetConfig]] = {
        "default": TcNetConfig(),
        "paper": TcNetConfig(
            blocks=(6, 12, 32, 32),
            growth=32,
            stem=64,
            image_px=256,
            steps=10_000,
            learning_rate=1e-4,
            weights="fetched",
        ),
    }

    def __init__(self, config: TcNetConfig | None = None, *, seed: int = 0, device: str = "cpu") -> None:
        self.config, self.seed, self.device = config or TcNetConfig(), seed, torch.device(device)
        self._network: DenseNet | None = None
        self._names: list[str] = []
        self._features: Float32 = np.empty((0, 0), np.float32)

    def fit(
        self, pairs: Sequence[Pair], *, query: Modality, checkpoint: Path | None = None, progress: Progress = silent
    ) -> None:
        """Train on aligned pairs, with anchors of the modality `query`.

        A training that was stopped goes on from the folder `checkpoint`; one that was finished is taken from there.

        Raises
        ------
        InputError
            For fewer than two pairs.
        TrainingDivergedError
            If the loss is no longer finite.
        ModelError
            If the checkpoint is damaged or was made with other settings.
        """
        if len(pairs) < 2:
            raise InputError(f"TC-Net was given {say_count(len(pairs), 'pair')}; its triplets need at least two.")
        training = TcNetTraining(self.config, query, len(pairs), device=self.device, seed=self.seed)
        if checkpoint is not None and has_checkpoint(checkpoint):
            training.restore(checkpoint)
        training.run(pairs, Budget(steps=self.config.steps), checkpoint=checkpoint, progress=progress)
        self._network = training.network.eval()
        self._names = []

    def index(self, images: Sequence[Image], *, modality: Modality, progress: Progress = silent) -> None:
        """Compute the features of every repository image."""
        names, features = [], []
        for done, image in enumerate(images):
            names.append(image.name)
            features.append(self._embed(image))
            progress(done + 1, len(images), "describing")
        check_distinct(names)
        self._names, self._features = names, np.stack(features)

    def search(self, query: Image, *, modality: Modality) -> Similarities:
        """Rank all repository images by the cosine of features."""
        if not self._names:
            raise ConfigError("Nothing was indexed; call index with the repository's images first.")
        return rank_names(self._names, (self._features @ self._embed(query)).astype(np.float64))

    @torch.inference_mode()
    def _embed(self, image: Image) -> Float32:
        if self._network is None:
            raise ConfigError("TC-Net has learnt nothing yet; call fit with aligned pairs first.")
        square = resize_square(to_colour(to_unit(image.pixels)), self.config.image_px)
        features = self._network(normalise(torch.from_numpy(square[None]).to(self.device)))
        row: Float32 = functional.normalize(features)[0].cpu().numpy()
        return row
