"""Images, queries and representations of one fold, made when they are asked for and kept while there is room."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from crosslight.evaluate.folds import Fold
from crosslight.evaluate.matchers import Asked, Repository
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.evaluate.queries import QueryKind, cut_query, draw_turn, place_window, window_size
from crosslight.evaluate.spaces import Space
from crosslight.geometry import window_corners
from crosslight.read.kept import Kept
from crosslight.read.pair_sequence import PairReader
from crosslight.types import Float64, Image, Modality, Pair, Representation

KEPT_BYTES = 2**30


class Images:
    """Repository images and queries of one fold."""

    def __init__(self, fold: Fold, config: EvaluateConfig) -> None:
        self.fold, self.config = fold, config

    def names(self, part: str) -> Sequence[str]:
        """Return the names of a part."""
        return self.fold.parts[part]

    def image(self, name: str, modality: Modality) -> Image:
        """Return one image of the repository, called as its pair is."""
        return _side(self.fold.reader, name, modality)

    def query(self, name: str, kind: QueryKind) -> Image:
        """Return what is asked for an image: a window cut from it, or the transformed image that came with it."""
        if kind.transformed and self.fold.turned_reader is not None:
            image = _side(self.fold.turned_reader, name, kind.modality)
            kind = QueryKind(modality=kind.modality, transformed=False, size=kind.size)
        else:
            image = self.image(name, kind.modality)
        return cut_query(image, kind, draw_turn(name, self.config.queries), self.config.queries)

    def true_corners(self, name: str, kind: QueryKind) -> Float64 | None:
        """Return the corners of what is asked in its partner, (4, 2) as (x, y).

        None where that is all of it, or is not known since the transformed image came with the pair.
        """
        if (kind.size == "full" and not kind.transformed) or (kind.transformed and self.fold.turned_reader is not None):
            return None
        image, config = self.image(name, kind.modality), self.config.queries
        cut = (image.height_px, image.width_px, kind, draw_turn(name, config), config)
        return window_corners(place_window(*cut), *window_size(*cut))


def _side(reader: PairReader, name: str, modality: Modality) -> Image:
    pair: Pair = reader.read(name)
    image = pair.a if modality == "A" else pair.b
    return Image(pixels=image.pixels, name=name, mpp=image.mpp)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Made:
    """A representation as 8-bit codes, which hold all of it, and how long it took to make."""

    codes: NDArray[np.uint8]
    stride: int
    seconds: float


class Material:
    """The same as representations of one space; the least used ones are made anew when memory is short."""

    def __init__(self, images: Images, space: Space | None) -> None:
        self.images, self.space = images, space
        self._kept: Kept[_Made] = Kept(KEPT_BYTES, lambda made: made.codes.nbytes)

    def repository(self, modality: Modality) -> Repository:
        """Return what is searched."""
        images = self.images
        return Repository(
            modality=modality,
            names=images.names(images.config.searched),
            image=lambda name: images.image(name, modality),
            representation=lambda name: self._represent(f"{modality}|{name}", modality, images.image(name, modality))[
                0
            ],
        )

    def ask(self, name: str, kind: QueryKind) -> tuple[Asked, float]:
        """Return one query, and how many seconds its representation takes."""
        label = f"{kind.modality}|{kind.transformed}|{kind.size}"
        image = self.images.query(name, kind)
        key, modality = f"{label}|{name}", kind.modality
        if self.space is None:
            return Asked(key=key, modality=modality, image=image), 0.0
        representation, seconds = self._represent(label, modality, image)
        return Asked(key=key, modality=modality, image=image, representation=representation), seconds

    def _represent(self, label: str, modality: Modality, image: Image) -> tuple[Representation, float]:
        """Return a representation and the seconds that it took; `label` tells the images of one name apart."""
        made = self._kept.get(f"{label}|{image.name}", partial(self._make, modality, image))
        return Representation.from_codes(made.codes, made.stride), made.seconds

    def _make(self, modality: Modality, image: Image) -> _Made:
        assert self.space is not None
        start = time.perf_counter()
        made = self.space.representers[modality].represent(image)
        return _Made(codes=made.to_codes(), stride=made.stride, seconds=time.perf_counter() - start)
