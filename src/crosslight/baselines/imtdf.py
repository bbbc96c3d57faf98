"""IMTDF: invariant moments, texture and deep features of the whole image, the best of them kept by ReliefF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from crosslight.baselines.base import Similarities, check_distinct, rank_names
from crosslight.baselines.chebyshev import chebyshev_moments
from crosslight.baselines.relieff import relieff
from crosslight.describe.residual import ResidualNetwork, load_network
from crosslight.describe.weights import find_weights
from crosslight.errors import ConfigError, InputError, MissingDependencyError, say_count
from crosslight.progress import silent
from crosslight.represent.grey import to_colour, to_grey, to_unit
from crosslight.types import Float32, Float64, Image, Modality, Pair, Progress

N_HARALICK = 13


@dataclass(frozen=True, kw_only=True)
class ImtdfConfig:
    """Settings of `Imtdf`.

    `order` is the highest of the Chebyshev moments; `kept` the share of texture and of deep features that ReliefF
    keeps; `weights` is "" (no deep features), "fetched" (ResNet-50 from `crosslight fetch resnet50`) or a safetensors
    file.
    """

    order: int = 5
    kept: float = 0.2
    n_neighbours: int = 10
    weights: str = ""

    def __post_init__(self) -> None:
        if self.order < 1 or self.n_neighbours < 1:
            raise ConfigError("order and n_neighbours of IMTDF must be at least 1.")
        if not 0 < self.kept <= 1:
            raise ConfigError(f"kept is {self.kept}; use a share in (0, 1].")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Selection:
    """Which features count and how they are scaled."""

    mean: Float64
    std: Float64
    chosen: NDArray[np.intp]

    def apply(self, features: Float64) -> Float64:
        scaled: Float64 = ((features - self.mean) / self.std)[self.chosen]
        return scaled


class Imtdf:
    """IMTDF (Putzu, Loddo, Di Ruberto 2021, doi 10.1007/978-3-030-89128-2_28), written from its description.

    One row of features per image: Chebyshev moments, Haralick's texture features (mean and range over four
    directions, so that quarter turns do not matter) and, where weights are given, the averages of ResNet-50's last
    map. On the training pairs every feature is standardised, and of texture and deep features together the strongest
    share stays. The similarity is minus the Euclidean distance.
    """

    learns: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, ImtdfConfig]] = {
        "default": ImtdfConfig(),
        "paper": ImtdfConfig(weights="fetched"),
    }

    def __init__(self, config: ImtdfConfig | None = None, *, seed: int = 0, device: str = "cpu") -> None:
        self.config = config or ImtdfConfig()
        self._network = _find_network(self.config.weights)
        self._selection: _Selection | None = None
        self._names: list[str] = []
        self._rows: Float64 = np.empty((0, 0))

    def fit(
        self, pairs: Sequence[Pair], *, query: Modality, checkpoint: Path | None = None, progress: Progress = silent
    ) -> None:
        """Choose features: each pair is a class of two images. Raises InputError for fewer than two pairs."""
        if len(pairs) < 2:
            raise InputError(f"IMTDF was given {say_count(len(pairs), 'pair')}; choosing features needs at least two.")
        rows, classes = [], []
        for number, pair in enumerate(pairs):
            rows += [self._features(pair.a), self._features(pair.b)]
            classes += [number, number]
            progress(number + 1, len(pairs), "describing")
        table = np.stack(rows)
        mean, std = table.mean(axis=0), table.std(axis=0)
        std[std < 1e-12] = 1
        weights = relieff((table - mean) / std, np.array(classes, np.intp), self.config.n_neighbours)
        n_moments = (self.config.order + 1) * (self.config.order + 2) // 2
        rest = np.arange(n_moments, table.shape[1])
        best = rest[np.argsort(-weights[rest], kind="stable")[: max(1, round(self.config.kept * len(rest)))]]
        chosen = np.concatenate([np.arange(n_moments), np.sort(best)])
        self._selection, self._names = _Selection(mean=mean, std=std, chosen=chosen), []

    def index(self, images: Sequence[Image], *, modality: Modality, progress: Progress = silent) -> None:
        """Describe every repository image."""
        selection, names, rows = self._learnt(), [], []
        for done, image in enumerate(images):
            names.append(image.name)
            rows.append(selection.apply(self._features(image)))
            progress(done + 1, len(images), "describing")
        check_distinct(names)
        self._names, self._rows = names, np.stack(rows)

    def search(self, query: Image, *, modality: Modality) -> Similarities:
        """Rank all repository images by minus the distance of features."""
        selection = self._learnt()
        if not self._names:
            raise ConfigError("Nothing was indexed; call index with the repository's images first.")
        asked = selection.apply(self._features(query))
        return rank_names(self._names, -np.linalg.norm(self._rows - asked, axis=1))

    def _learnt(self) -> _Selection:
        if self._selection is None:
            raise ConfigError("IMTDF has learnt nothing yet; call fit with aligned pairs first.")
        return self._selection

    def _features(self, image: Image) -> Float64:
        unit = to_unit(image.pixels)
        grey = to_grey(unit)
        parts = [chebyshev_moments(grey, self.config.order), haralick_features(grey)]
        if self._network is not None:
            parts.append(_deep_features(self._network, to_colour(unit)))
        return np.concatenate(parts)


def haralick_features(grey: Float32) -> Float64:
    """Return Haralick's 13 texture features of (H, W) in [0, 1]: their means over four directions, then their ranges.

    256 grey levels, neighbours one pixel apart; zeros where the image is less than two pixels wide or high.
    """
    try:
        from mahotas.features import haralick
    except ImportError as error:
        raise MissingDependencyError(
            "IMTDF needs mahotas, which is not installed: pip install 'crosslight[baselines]'."
        ) from error
    if min(grey.shape) < 2:
        return np.zeros(2 * N_HARALICK)
    codes = np.rint(grey * 255).astype(np.uint8)
    found: Float64 = np.asarray(haralick(codes, return_mean_ptp=True), np.float64)
    return found


def _find_network(weights: str) -> ResidualNetwork | None:
    if not weights:
        return None
    return load_network(find_weights("resnet50", "" if weights == "fetched" else str(Path(weights))))


@torch.inference_mode()
def _deep_features(network: ResidualNetwork, colour: Float32) -> Float64:
    """Return the average of every channel of the last map, for (H, W, 3) in [0, 1]."""
    x = torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))[None]
    values: Float64 = network(x).mean(dim=(2, 3))[0].numpy().astype(np.float64)
    return values
