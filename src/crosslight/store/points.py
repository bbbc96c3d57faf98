"""Entries and histograms as points: what the vector engine keeps, in plain values that any transport can carry."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from crosslight.errors import IndexCorruptError
from crosslight.store.checks import conditions
from crosslight.types import Entry, Histogram

VECTOR = "words"
KEY_CONDITIONS = "conditions"
OPERATION_WEIGHTS = 200_000  # written at once: about 3 MB, where a log file holds 32 MB and a request as much
OPERATION_POINTS = 1000

Payload = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Point:
    """One image as the engine keeps it."""

    id: str
    vector: Histogram
    payload: Payload


def point_id(name: str) -> str:
    """Return the id of an image: a 128-bit hash of its name, so that two names never share one."""
    return str(uuid.UUID(bytes=hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=16).digest()))


def make_point(entry: Entry, vector: Histogram) -> Point:
    """Return the point that holds an image.

    The metadata are stored twice: as they are, and as a list of texts to filter by, since the engine's own filters
    take a truth value for a number and a dot in a key for a path.
    """
    payload = {**asdict(entry), KEY_CONDITIONS: conditions(entry.metadata)}
    return Point(id=point_id(entry.name), vector=vector, payload=payload)


def read_name(payload: Payload | None) -> str:
    """Return the image's name."""
    return str((payload or {}).get("name"))


def read_entry(payload: Payload | None) -> Entry:
    """Return the entry that `make_point` stored; raises IndexCorruptError where a field is missing or unknown."""
    try:
        return Entry(**{key: value for key, value in (payload or {}).items() if key != KEY_CONDITIONS})
    except TypeError as error:
        raise IndexCorruptError(
            f"The store holds an image it cannot describe ({error}); build the index again."
        ) from error


def split_points(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Cut points into groups small enough to be written at once."""
    group: list[Point] = []
    weights = 0
    for point in points:
        size = point.vector.words.size
        if group and (weights + size > OPERATION_WEIGHTS or len(group) >= OPERATION_POINTS):
            yield group
            group, weights = [], 0
        group.append(point)
        weights += size
    if group:
        yield group
