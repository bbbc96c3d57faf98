"""What every baseline offers: a whole method of retrieval that takes the place of the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from crosslight.errors import InputError
from crosslight.progress import silent
from crosslight.types import Float64, Image, Modality, Pair, Progress

Similarities = list[tuple[str, float]]


class Baseline(Protocol):
    """A whole method: it learns from aligned pairs where it learns at all, takes in a repository, answers queries.

    The order of calls is `fit` (needed only where `learns` is true), `index`, then `search` as often as wanted; each
    may be called again and replaces what the last call left. `presets` holds settings by name: "default" runs on a CPU,
    "paper" is the publication's.
    """

    learns: ClassVar[bool]
    presets: ClassVar[Mapping[str, Any]]

    def __init__(self, config: Any = None, *, seed: int = 0, device: str = "cpu") -> None:
        """Take the method's own settings, or its defaults where `config` is None."""

    def fit(
        self, pairs: Sequence[Pair], *, query: Modality, checkpoint: Path | None = None, progress: Progress = silent
    ) -> None:
        """Learn from aligned pairs for queries of the modality `query`; does nothing where `learns` is false.

        `checkpoint` is a folder of its own, in which a training that takes long keeps its state, to go on after a stop.
        """

    def index(self, images: Sequence[Image], *, modality: Modality, progress: Progress = silent) -> None:
        """Take in the repository; `images` are read as they are needed and not kept."""

    def search(self, query: Image, *, modality: Modality) -> Similarities:
        """Return (name, similarity) of every repository image, best first; ties go by name.

        Raises
        ------
        ConfigError
            If nothing was indexed, or nothing learnt where `learns` is true.
        """


def rank_names(names: Sequence[str], similarities: Float64) -> Similarities:
    """Return (name, similarity) of every image, best first; ties go by name.

    A similarity that is not a number, where nothing could be compared, counts as minus infinity.
    """
    known = np.where(np.isnan(similarities), -np.inf, similarities).tolist()
    return sorted(zip(names, known, strict=True), key=lambda hit: (-hit[1], hit[0]))


def check_distinct(names: Sequence[str]) -> None:
    """Raise InputError when a name comes twice or there is none."""
    if not names:
        raise InputError("There is no image to search among; give at least one.")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"Two repository images are called {name!r}; rename one of them.")
        seen.add(name)
