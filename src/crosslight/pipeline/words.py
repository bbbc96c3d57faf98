"""Index -> how its visual words are spread over what it holds."""

from __future__ import annotations

from collections.abc import Iterator

from crosslight.encode.statistics import WordStatistics, measure_words
from crosslight.pipeline.index import Index
from crosslight.types import Histogram


def measure_index(index: Index) -> WordStatistics | None:
    """Read every vector of an index and count its words; None before the first image.

    A window of a large image counts as an image. Counts are got back from the stored weights.
    """
    vocabulary = index.vocabulary
    if vocabulary is None:
        return None
    return measure_words(vocabulary, (vocabulary.unweigh(vector) for vector in _stored_vectors(index)))


def _stored_vectors(index: Index) -> Iterator[Histogram]:
    for entries, vectors, _ in index.store.contents():
        yield from (v for e, v in zip(entries, vectors, strict=True) if e.kind == "image")
    if index.slides():
        for _, vectors, _ in index.open_windows().contents():
            yield from vectors
