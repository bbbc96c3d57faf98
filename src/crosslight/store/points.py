"""Entries and histograms as the points, payloads and filters of the vector engine."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import qdrant_edge as qdrant

from crosslight.errors import IndexCorruptError
from crosslight.store.base import Where
from crosslight.store.checks import conditions
from crosslight.types import Entry, Histogram

VECTOR = "words"
KEY_CONDITIONS = "conditions"
OPERATION_WEIGHTS = 200_000  # written at once: about 3 MB of the write-ahead log, whose files hold 32 MB
OPERATION_POINTS = 1000


def point_id(name: str) -> str:
    """Return the id of an image: a 128-bit hash of its name, so that two names never share one."""
    return str(uuid.UUID(bytes=hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=16).digest()))


def make_point(entry: Entry, vector: Histogram) -> qdrant.Point:
    """Return the point that holds an image.

    The metadata are stored twice: as they are, and as a list of texts to filter by, since the engine's own filters
    take a truth value for a number and a dot in a key for a path.
    """
    payload = {**asdict(entry), KEY_CONDITIONS: conditions(entry.metadata)}
    return qdrant.Point(point_id(entry.name), {VECTOR: make_vector(vector)}, payload)


def make_vector(vector: Histogram) -> qdrant.SparseVector:
    """Return a histogram as the engine's sparse vector."""
    return qdrant.SparseVector(vector.words.tolist(), vector.counts.tolist())


def make_filter(where: Where | None) -> qdrant.Filter | None:
    """Return the filter that lets through what matches all of `where`."""
    if not where:
        return None
    texts = conditions(where)
    return qdrant.Filter(must=[qdrant.FieldCondition(KEY_CONDITIONS, match=qdrant.MatchValue(t)) for t in texts])


def read_name(payload: Mapping[str, Any] | None) -> str:
    """Return the image's name."""
    return str((payload or {}).get("name"))


def read_entry(payload: Mapping[str, Any] | None) -> Entry:
    """Return the entry that `make_point` stored; raises IndexCorruptError where a field is missing or unknown."""
    try:
        return Entry(**{key: value for key, value in (payload or {}).items() if key != KEY_CONDITIONS})
    except TypeError as error:
        raise IndexCorruptError(
            f"The store holds an image it cannot describe ({error}); build the index again."
        ) from error


def split_points(points: Sequence[qdrant.Point], sizes: Sequence[int]) -> Iterator[list[qdrant.Point]]:
    """Cut points with `sizes` weights each into groups small enough to be written at once."""
    group: list[qdrant.Point] = []
    weights = 0
    for point, size in zip(points, sizes, strict=True):
        if group and (weights + size > OPERATION_WEIGHTS or len(group) >= OPERATION_POINTS):
            yield group
            group, weights = [], 0
        group.append(point)
        weights += size
    if group:
        yield group
