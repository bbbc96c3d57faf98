"""The matchers of one repository, each prepared once, when it is first needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crosslight import registry
from crosslight.baselines.base import Baseline
from crosslight.describe.base import Describer
from crosslight.evaluate.cells import hash_inputs
from crosslight.evaluate.competitors import baseline_inputs, build_baseline
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.matchers import (
    AlignMatcher,
    AlignShortlistMatcher,
    BaselineMatcher,
    DiscsMatcher,
    Matcher,
    PatchesMatcher,
    Shortlist,
    WordsMatcher,
)
from crosslight.evaluate.material import Material
from crosslight.evaluate.methods import ALIGN, DISCS, Method
from crosslight.evaluate.protocol import EvaluateConfig, describe_config
from crosslight.evaluate.sources import digest_computing
from crosslight.represent.comir.device import choose_device
from crosslight.rerank.second_look import SecondLook
from crosslight.types import Modality, Progress


class Shelf:
    """Makes and keeps what answers queries in one repository."""

    def __init__(
        self, material: Material, modality: Modality, fold: Fold, config: EvaluateConfig, models: Path,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.fold, self.config, self.models, self.progress = fold, config, models, progress
        self.align = replace(config.align, device=str(choose_device(config.device)))
        self.repository = material.repository(modality)
        self.asks: Modality = "B" if modality == "A" else "A"  # what is asked across modalities
        self.space = material.space
        self._made: dict[str, tuple[Matcher, float]] = {}

    def get(self, method: Method) -> tuple[Matcher, float]:
        """Return the matcher of a method, and how many seconds its preparation took, training aside."""
        if method.shortlist:
            base, seconds = self.get(method.base)
            assert isinstance(base, Shortlist)
            return self._rerank(method, base), seconds
        return self._prepare(method.name, lambda: self._make(method))

    def _prepare(self, name: str, make: Callable[[], Matcher]) -> tuple[Matcher, float]:
        if name not in self._made:
            matcher = make()
            start = time.perf_counter()
            matcher.prepare(self.progress)
            self._made[name] = (matcher, time.perf_counter() - start)
        return self._made[name]

    def _make(self, method: Method) -> Matcher:
        if method.matcher == ALIGN:
            return self._align()
        if method.matcher == DISCS:
            assert self.space is not None
            return Shortlist(DiscsMatcher(self.repository, self.align, means_tell=self.space.means_tell))
        if method.is_whole:
            return Shortlist(self._baseline(method)) if method.representation else self._baseline(method)
        return Shortlist(WordsMatcher(self.repository, _describer(method.matcher), self.config.words))

    def _align(self) -> AlignMatcher:
        assert self.space is not None
        representers, repository = self.space.representers, self.repository
        look = SecondLook(
            represent_query=representers[self.asks].represent,
            represent_there=representers[repository.modality].represent,
            read=repository.image,
        )
        return AlignMatcher(repository, self.align, look)

    def _rerank(self, method: Method, base: Shortlist) -> Matcher:
        if method.rerank == "align":
            aligner, _ = self._prepare(ALIGN, self._align)
            assert isinstance(aligner, AlignMatcher)
            return AlignShortlistMatcher(base, method.shortlist, aligner)
        describer = _describer(method.patch_describer)
        return PatchesMatcher(base, method.shortlist, self.repository, describer, self.config.patches)

    def _baseline(self, method: Method) -> Matcher:
        baseline = build_baseline(method.matcher, self.config)
        if baseline.learns:
            self._fit(method.matcher, baseline)
        reads_images = method.representation in ("", "originals")
        return BaselineMatcher(baseline, self.repository, of_representations=not reads_images)

    def _fit(self, name: str, baseline: Baseline) -> None:
        """Train, or go on with a training that was stopped, or take one that was finished."""
        inputs = {
            **baseline_inputs(name, self.config),
            "seed": self.config.seed,
            "asks": self.asks,
            "fold": self.fold.name,
            "pairs": self.fold.signatures("train"),
            "source": digest_computing(),
        }
        folder = self.models / f"{name}-{hash_inputs(inputs)}"
        baseline.fit(
            self.fold.pairs("train"), query=self.asks, checkpoint=folder / "checkpoint", progress=self.progress
        )


def _describer(name: str) -> Describer:
    describer: Describer = registry.load("describer", name)(describe_config(name))
    return describer
