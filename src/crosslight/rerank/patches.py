"""The paper's re-ranking: a bag of words learnt anew from query-sized patches of the shortlisted images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, Self

import numpy as np

from crosslight.types import Descriptors, Histogram, Representation


class _Describer(Protocol):
    def describe(self, representation: Representation) -> Descriptors: ...


KEPT_BYTES = 2**28  # of descriptors, while a query is re-ranked; what does not fit is described again


class _Words(Protocol):
    def encode(self, descriptors: Descriptors) -> Histogram: ...

    def with_idf(self, histograms: Iterable[Histogram]) -> Self: ...

    def weigh(self, histogram: Histogram) -> Histogram: ...


def rerank_patches(
    query: Representation,
    candidates: Sequence[tuple[str, Representation]],
    describer: _Describer,
    build_words: Callable[[Iterable[Descriptors]], _Words],
) -> list[tuple[str, float]]:
    """Order images by their patch that is most similar to the query.

    Patches are seen twice, once to learn the words and once to count them. Their descriptors are kept in between, up to
    256 MB; others are described again.

    Parameters
    ----------
    query : Representation
        C channels of h x w pixels.
    candidates : sequence of (name, Representation)
        The shortlist, of the same C and stride, of any size.
    describer : Describer
        What finds the descriptors.
    build_words : callable
        Makes a vocabulary from the descriptors of all patches.

    Returns
    -------
    ranking : list of (name, similarity)
        All candidates, best first; equal ones in the order given. The similarity is the cosine of tf-idf histograms,
        in [0, 1], and 0 where there is nothing to see in the query or in the image.

    References
    ----------
    Breznik et al. 2024, doi 10.1038/s41598-024-68800-1, section "Stage III: re-ranking".
    """
    _, height, width = query.values.shape
    patches = _Patches(
        [(name, patch) for name, image in candidates for patch in cut_patches(image, height, width)], describer
    )
    best = {name: 0.0 for name, _ in candidates}
    if any(descriptors.values.any() for _, descriptors in patches):
        words = build_words(descriptors for _, descriptors in patches)
        counted = [(name, words.encode(descriptors)) for name, descriptors in patches]
        words = words.with_idf(histogram for _, histogram in counted)
        wanted = words.weigh(words.encode(describer.describe(query)))
        for name, histogram in counted:
            best[name] = max(best[name], _cosine(wanted, words.weigh(histogram)))
    return sorted(best.items(), key=lambda item: -item[1])


class _Patches:
    """Patches with their descriptors, which are kept from one pass to the next while there is room."""

    def __init__(self, patches: Sequence[tuple[str, Representation]], describer: _Describer) -> None:
        self._patches, self._describer = patches, describer
        self._kept: dict[int, Descriptors] = {}
        self._room = KEPT_BYTES

    def __iter__(self) -> Iterator[tuple[str, Descriptors]]:
        for number, (name, patch) in enumerate(self._patches):
            descriptors = self._kept.get(number)
            if descriptors is None:
                descriptors = self._describer.describe(patch)
                if descriptors.values.nbytes <= self._room:
                    self._kept[number] = descriptors
                    self._room -= descriptors.values.nbytes
            yield name, descriptors


def cut_patches(image: Representation, height: int, width: int) -> Iterator[Representation]:
    """Yield the fewest equidistant patches of height x width pixels that cover the image, row by row.

    They are views. Where the image is smaller than a patch, the patch is as small as the image.
    """
    _, image_height, image_width = image.values.shape
    for row in patch_starts(image_height, height):
        for col in patch_starts(image_width, width):
            yield Representation(values=image.values[:, row : row + height, col : col + width], stride=image.stride)


def patch_starts(length: int, patch: int) -> list[int]:
    """Return where the patches start along one axis.

    There are ``ceil(length / patch)``, the first at 0, the last flush with the end, the others equally spaced and
    rounded.
    """
    n = -(-length // patch)
    return [int(start) for start in np.floor(np.linspace(0, max(0, length - patch), n) + 0.5)]


def _cosine(a: Histogram, b: Histogram) -> float:
    """Return the dot product of two unit-length histograms, at most 1."""
    _, in_a, in_b = np.intersect1d(a.words, b.words, assume_unique=True, return_indices=True)
    return min(1.0, float(a.counts[in_a] @ b.counts[in_b]))
