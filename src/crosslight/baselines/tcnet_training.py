"""Train TC-Net: crops of aligned pairs, triplets within the batch, every pair a class of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.baselines.densenet import DenseNet, load_weights
from crosslight.baselines.tcnet_loss import Classifications, triplet_loss
from crosslight.describe.weights import find_weights
from crosslight.errors import ConfigError, TrainingDivergedError
from crosslight.represent.checkpoint import pack_moments, unpack_moments
from crosslight.represent.grey import to_colour, to_unit
from crosslight.represent.training import Groups, Record, ResumableTraining
from crosslight.types import Float32, Modality, Pair

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


class TcNetTraining(ResumableTraining):
    """The network, its heads of as many classes as there are pairs, and all that a checkpoint holds."""

    groups: ClassVar[tuple[str, ...]] = ("networks", "optimizer")

    config: TcNetConfig

    def __init__(self, config: TcNetConfig, query: Modality, n_pairs: int, *, device: torch.device, seed: int) -> None:
        super().__init__(config, device=device, seed=seed)
        self.query, self.n_pairs = query, n_pairs
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = DenseNet(config.blocks, config.growth, config.stem)
            self.heads = Classifications(self.network.n_features, n_pairs)
        if config.weights:
            given = "" if config.weights == "fetched" else config.weights
            load_weights(self.network, find_weights("densenet169", given))
        self.networks = nn.ModuleDict({"network": self.network, "heads": self.heads}).to(device).train()
        self.optimizer = torch.optim.Adam(self.networks.parameters(), config.learning_rate)

    def _train_step(self, pairs: Sequence[Pair], fraction: float) -> Record:
        rate = self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._loss(pairs)
        if not math.isfinite(value := float(loss.detach())):
            raise TrainingDivergedError(f"The loss of TC-Net became {value}; lower learning_rate.")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.networks.parameters(), 5.0)
        self.optimizer.step()
        return {"loss": value, "learning_rate": rate}

    def _loss(self, pairs: Sequence[Pair]) -> Tensor:
        """Return the loss of one batch, which depends on the seed and the step alone."""
        rng = np.random.default_rng([self.seed, self.step])
        chosen = rng.permutation(len(pairs))[: self.config.n_pairs]
        crops = [_crop_pair(pairs[int(i)], self.config, rng) for i in chosen]
        images = torch.from_numpy(np.stack([c[side] for side in (0, 1) for c in crops]))
        features = self.network(normalise(images.to(self.device)))
        unit = functional.normalize(features)
        a, b = unit.chunk(2)
        anchors, others = (a, b) if self.query == "A" else (b, a)
        labels = torch.from_numpy(np.concatenate([chosen, chosen])).to(self.device)
        easing = max(LAST_EASING, FIRST_EASING * (1 - self.step / max(1, self.config.steps // 2)))
        softmax, sphere, centre = self.heads(features, labels, easing)
        loss: Tensor = triplet_loss(anchors, others, self.config.margin) + softmax + sphere + CENTRE_WEIGHT * centre
        return loss

    def _describe(self, record: Record) -> str:
        return f"TC-Net, loss {record['loss']:.3f}"

    def _pack(self) -> Groups:
        finished = self.step >= self.config.steps  # the running averages are two thirds of a checkpoint
        return {
            "networks": self.networks.state_dict(),
            "optimizer": {} if finished else pack_moments(self.optimizer),
        }

    def _unpack(self, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
        self.networks.load_state_dict(groups["networks"])
        unpack_moments(self.optimizer, groups["optimizer"])

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "query": self.query, "n_pairs": self.n_pairs}


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
        crops.append(resize_square(unit[:, ::-1] if flip else unit, config.image_px))
    return crops[0], crops[1]


def resize_square(unit: Float32, side: int) -> Float32:
    """Return (H, W, 3) as (3, side, side)."""
    shrinks = min(unit.shape[:2]) > side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(unit), (side, side), interpolation=interpolation)
    return np.ascontiguousarray(resized.transpose(2, 0, 1), np.float32)


def normalise(x: Tensor) -> Tensor:
    """Return (N, 3, H, W) in [0, 1] as the published weights expect it."""
    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std
