"""2DKD: search by two-dimensional Krawtchouk descriptors at many places of each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.spatial import cKDTree

from crosslight.baselines.base import Similarities, check_distinct, rank_names
from crosslight.baselines.krawtchouk_moments import ORDER, TERMS, describe_places, root_weight
from crosslight.errors import ConfigError
from crosslight.progress import silent
from crosslight.represent.grey import to_grey, to_unit
from crosslight.types import Float32, Float64, Image, Modality, Pair, Progress


@dataclass(frozen=True, kw_only=True)
class KrawtchoukConfig:
    """Settings of `Krawtchouk`.

    `step_px` lies between two places; `window_px` is the grid of the polynomials, odd: at 41 what counts is a bell of
    4.5 px standard deviation, at 257 one of 11 px. A query is compared at `n_query_places`: 1 is its middle, whatever
    is to be seen there; more are spread evenly over those chosen in it as they are in the repository.
    """

    step_px: int = 5
    window_px: int = 41
    n_query_places: int = 1

    def __post_init__(self) -> None:
        if self.step_px < 1 or self.n_query_places < 1:
            raise ConfigError("step_px and n_query_places of the Krawtchouk descriptors must be at least 1.")
        if self.window_px < 9 or self.window_px % 2 == 0:
            raise ConfigError(f"window_px is {self.window_px}; use an odd number from 9.")

    @property
    def margin_px(self) -> int:
        """How far places stay from the edge: two standard deviations of the weight."""
        return int(np.ceil(np.sqrt(2 * (self.window_px - 1))))


class Krawtchouk:
    """2DKD (DeVille, Kihara, Sit 2020, doi 10.1186/s13029-020-0077-1), written from its publications.

    Places lie `step_px` apart; those whose local variance exceeds the variance of the whole image are described by six
    invariants. As in the toolkit, what is searched for is one place, the query's middle: a repository image is as
    similar as its nearest descriptor. With more query places it is as similar as they are near on average. Nothing is
    learnt.
    """

    learns: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, KrawtchoukConfig]] = {"default": KrawtchoukConfig(), "paper": KrawtchoukConfig()}

    def __init__(self, config: KrawtchoukConfig | None = None, *, seed: int = 0, device: str = "cpu") -> None:
        self.config = config or KrawtchoukConfig()
        self._trees: dict[str, cKDTree] = {}

    def fit(
        self, pairs: Sequence[Pair], *, query: Modality, checkpoint: Path | None = None, progress: Progress = silent
    ) -> None:
        """Do nothing."""

    def index(self, images: Sequence[Image], *, modality: Modality, progress: Progress = silent) -> None:
        """Describe every repository image."""
        names: list[str] = []
        trees: dict[str, cKDTree] = {}
        for done, image in enumerate(images):
            names.append(image.name)
            trees[image.name] = cKDTree(describe_image(image, self.config)[0])
            progress(done + 1, len(images), "describing")
        check_distinct(names)
        self._trees = trees

    def search(self, query: Image, *, modality: Modality) -> Similarities:
        """Rank all repository images by minus the mean distance of descriptors."""
        if not self._trees:
            raise ConfigError("Nothing was indexed; call index with the repository's images first.")
        asked = describe_query(query, self.config)
        similarities = [-float(np.mean(tree.query(asked)[0])) for tree in self._trees.values()]
        return rank_names(list(self._trees), np.array(similarities))


class KrawtchoukPlaces(Krawtchouk):
    """The same descriptors, but compared at many places of the query and of a wider bell: our way to ask with an image.

    It finds what the single place of the published search does not.
    """

    presets: ClassVar[Mapping[str, KrawtchoukConfig]] = {
        "default": KrawtchoukConfig(window_px=257, n_query_places=500),
        "paper": KrawtchoukConfig(n_query_places=500),
    }

    def __init__(self, config: KrawtchoukConfig | None = None, *, seed: int = 0, device: str = "cpu") -> None:
        super().__init__(config or self.presets["default"], seed=seed, device=device)


def describe_query(image: Image, config: KrawtchoukConfig) -> Float64:
    """Return the descriptors (P, 6) that a query is compared by: of its middle, or of P chosen places."""
    if config.n_query_places == 1:
        grey = to_grey(to_unit(image.pixels))
        row, col = (np.array([(side - 1) // 2], np.float64) for side in grey.shape)
        return describe_places(_local_moments(grey, row, col, config.window_px)[0], config.window_px - 1)
    chosen = describe_image(image, config)[0]
    return chosen[np.unique(np.linspace(0, len(chosen) - 1, config.n_query_places).astype(np.intp))]


def describe_image(image: Image, config: KrawtchoukConfig) -> tuple[Float64, Float64]:
    """Return the descriptors of the places chosen in one image.

    Returns
    -------
    values : ndarray of shape (P, 6), float64
        P is at least 1: where no place varies more than the whole image, the one that varies most is taken.
    xy : ndarray of shape (P, 2), float64
        Places (x, y) in pixels.
    """
    grey = to_grey(to_unit(image.pixels))
    rows, cols = (_places(side, config) for side in grey.shape)
    moments, variance = _local_moments(grey, rows, cols, config.window_px)
    chosen = np.flatnonzero(variance > float(grey.var()))
    if len(chosen) == 0:
        chosen = np.array([int(np.argmax(variance))])
    y, x = np.meshgrid(rows, cols, indexing="ij")
    xy = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64)[chosen]
    return describe_places(moments[:, :, chosen], config.window_px - 1), xy


def _places(side: int, config: KrawtchoukConfig) -> Float64:
    """Return the places along one axis, at least the middle."""
    margin = config.margin_px
    if side <= 2 * margin:
        return np.array([(side - 1) // 2], np.float64)
    return np.arange(margin, side - margin, config.step_px, dtype=np.float64)


def _local_moments(grey: Float32, rows: Float64, cols: Float64, window_px: int) -> tuple[Float64, Float64]:
    """Return weighted geometric moments (4, 4, P) about each place, i along x, and the weighted local variance (P,).

    What lies beyond the image's edge counts as black, as in the original, whose grid is the image.
    """
    over_rows, over_cols = (_kernels(c, s, window_px) for c, s in zip((rows, cols), grey.shape, strict=True))
    image = grey.astype(np.float64)
    moments = np.zeros((ORDER + 1, ORDER + 1, len(rows) * len(cols)))
    for i, j in TERMS:
        moments[i, j] = (over_rows[j] @ image @ over_cols[i].T).ravel()
    weight = np.outer(over_rows[0].sum(axis=1), over_cols[0].sum(axis=1)).ravel()
    mean = moments[0, 0] / weight
    square = (over_rows[0] @ image**2 @ over_cols[0].T).ravel() / weight
    return moments, np.maximum(0, square - mean**2)


def _kernels(centres: Float64, side: int, window_px: int) -> Float64:
    """Return (4, len(centres), side): u^i sqrt(w(u)) along one axis about each centre."""
    half = window_px // 2
    root = root_weight(window_px - 1)
    u = np.arange(side)[None, :] - centres[:, None]
    inside = np.abs(u) <= half
    weight = np.where(inside, root[np.clip(u + half, 0, 2 * half).astype(np.intp)], 0.0)
    return np.stack([weight * u**i for i in range(ORDER + 1)])
