"""TC-Net: one shared network for both modalities, trained by triplets and auxiliary classifications."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.baselines.base import Similarities, check_distinct, rank_names
from crosslight.baselines.densenet import DenseNet, load_weights
from crosslight.baselines.tcnet_loss import Classifications, triplet_loss
from crosslight.describe.weights import find_weights
from crosslight.errors import ConfigError, InputError, TrainingDivergedError, say_count
from crosslight.progress import silent
from crosslight.represent.grey import to_colour, to_unit
from crosslight.types import Float32, Image, Modality, Pair, Progress

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which published weights were trained with
CENTRE_WEIGHT = 0.003
FIRST_EASING, LAST_EASING = 100.0, 5.0  # of the spherical loss


@dataclass(frozen=True, kw_only=True)
class TcNetConfig:
    """Settings of `TcNet`.

    `blocks`, `growth` and `stem` shape the DenseNet; `smallest_crop` is the share of the side that a training crop has
    at least; `weights` is "" (start at random), "fetched" (DenseNet-169 from `crosslight fetch densenet169`) or a
    safetensors file in torchvision's layout.
    """

    blocks: tuple[int, ...] = (2, 4, 4)
    growth: int = 16
    stem: int = 32
    image_px: int = 128
    n_pairs: int = 16
    steps: int = 400
    learning_rate: float = 1e-3
    margin: float = 0.3
    smallest_crop: float = 0.6
    weights: str = ""

    def __post_init__(self) -> None:
        if self.image_px < 32 or self.n_pairs < 2 or self.steps < 1:
            raise ConfigError("TC-Net needs image_px of at least 32, n_pairs of at least 2 and at least one step.")
        if not 0 < self.smallest_crop <= 1:
            raise ConfigError(f"smallest_crop is {self.smallest_crop}; use a share in (0, 1].")


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

    def fit(self, pairs: Sequence[Pair], *, query: Modality, progress: Progress = silent) -> None:
        """Train on aligned pairs, with anchors of the modality `query`.

        Raises
        ------
        InputError
            For fewer than two pairs.
        TrainingDivergedError
            If the loss is no longer finite.
        """
        if len(pairs) < 2:
            raise InputError(f"TC-Net was given {say_count(len(pairs), 'pair')}; its triplets need at least two.")
        config = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = DenseNet(config.blocks, config.growth, config.stem)
            heads = Classifications(network.n_features, len(pairs))
        if config.weights:
            given = "" if config.weights == "fetched" else config.weights
            load_weights(network, find_weights("densenet169", given))
        network.to(self.device).train()
        heads.to(self.device)
        parameters = [*network.parameters(), *heads.parameters()]
        optimizer = torch.optim.Adam(parameters, config.learning_rate)
        for step in range(config.steps):
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / config.steps))
            loss = self._loss(network, heads, pairs, query, step)
            if not math.isfinite(value := float(loss.detach())):
                raise TrainingDivergedError(f"The loss of TC-Net became {value}; lower learning_rate.")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
            progress(step + 1, config.steps, f"training TC-Net: loss {value:.3f}")
        self._network = network.eval()
        self._names = []

    def _loss(
        self, network: DenseNet, heads: Classifications, pairs: Sequence[Pair], query: Modality, step: int
    ) -> Tensor:
        """Return the loss of one batch, which depends on seed and step alone."""
        rng = np.random.default_rng([self.seed, step])
        chosen = rng.permutation(len(pairs))[: self.config.n_pairs]
        crops = [_crop_pair(pairs[int(i)], self.config, rng) for i in chosen]
        images = torch.from_numpy(np.stack([c[side] for side in (0, 1) for c in crops]))
        features = network(_normalised(images.to(self.device)))
        unit = functional.normalize(features)
        a, b = unit.chunk(2)
        anchors, others = (a, b) if query == "A" else (b, a)
        labels = torch.from_numpy(np.concatenate([chosen, chosen])).to(self.device)
        easing = max(LAST_EASING, FIRST_EASING * (1 - step / max(1, self.config.steps // 2)))
        softmax, sphere, centre = heads(features, labels, easing)
        loss: Tensor = triplet_loss(anchors, others, self.config.margin) + softmax + sphere + CENTRE_WEIGHT * centre
        return loss

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
        square = _resize(to_colour(to_unit(image.pixels)), self.config.image_px)
        features = self._network(_normalised(torch.from_numpy(square[None]).to(self.device)))
        row: Float32 = functional.normalize(features)[0].cpu().numpy()
        return row


def _crop_pair(pair: Pair, config: TcNetConfig, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Return the same random crop of both images as (3, size, size), flipped at times."""
    share = rng.uniform(config.smallest_crop, 1)
    height, width = (max(1, round(share * side)) for side in (pair.a.height_px, pair.a.width_px))
    top = int(rng.integers(pair.a.height_px - height + 1))
    left = int(rng.integers(pair.a.width_px - width + 1))
    flip = bool(rng.random() < 0.5)
    crops = []
    for image in (pair.a, pair.b):
        unit = to_colour(to_unit(image.pixels))[top : top + height, left : left + width]
        crops.append(_resize(unit[:, ::-1] if flip else unit, config.image_px))
    return crops[0], crops[1]


def _resize(unit: Float32, side: int) -> Float32:
    """Return (H, W, 3) as (3, side, side)."""
    shrinks = min(unit.shape[:2]) > side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(unit), (side, side), interpolation=interpolation)
    return np.ascontiguousarray(resized.transpose(2, 0, 1), np.float32)


def _normalised(x: Tensor) -> Tensor:
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std
