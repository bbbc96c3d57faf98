"""What a Qdrant engine needs to be a store, whether it runs within the process or on a server.

Everything that decides a result is here; a transport only carries plain values to an engine and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from crosslight.store.base import Where
from crosslight.store.checks import DECIMALS, check_batch, check_vector, conditions
from crosslight.store.points import Payload, Point, make_point, point_id, read_entry
from crosslight.types import Entry, Histogram

PAGE = 1000  # points read at once
PAGE_WITH_VECTORS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """Points in the order of their ids; `following` is the id that the next page begins with, None after the last."""

    payloads: list[Payload]
    vectors: list[Histogram]
    following: str | None


class Transport(Protocol):
    """Carries points to an engine and back. `texts` are conditions that a point must hold all of."""

    def write(self, points: Sequence[Point]) -> None:
        """Write or replace points such that they are kept once this returns."""

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points that are there."""

    def read(self, ids: Sequence[str]) -> list[Payload]:
        """Return the payloads of those ids that are there, in any order."""

    def query(self, vector: Histogram, n_hits: int, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return (name, dot product) of the best, best first."""

    def page(self, start: str | None, n_points: int, texts: Sequence[str], *, with_vectors: bool) -> Page:
        """Return the points from id `start` on."""

    def count(self, texts: Sequence[str]) -> int:
        """Return the number of points, exactly."""

    def close(self) -> None:
        """Release what is held; a second call does nothing."""


class PointStore:
    """A store whose engine is reached by a transport; see `Store` for what it promises.

    An image that shares no word with the query is not found.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add(self, entries: Sequence[Entry], vectors: Sequence[Histogram]) -> None:
        """Write or replace a batch; see `Store`."""
        check_batch(entries, vectors)
        if entries:
            self._transport.write([make_point(e, v) for e, v in zip(entries, vectors, strict=True)])

    def remove(self, names: Sequence[str]) -> int:
        """Remove images by name and return how many were there."""
        ids = [point_id(name) for name in self.find(names)]
        if ids:
            self._transport.delete(ids)
        return len(ids)

    def search(self, vector: Histogram, n_hits: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return at most `n_hits` (name, dot product), best first, ties by name; only those above zero."""
        check_vector(vector, "the query")
        texts = conditions(where or {})
        if vector.words.size == 0 or n_hits < 1:
            return []
        n_asked = n_hits + 8
        while True:  # until everything that ties with the last hit has been seen, since ties go by name
            hits = self._transport.query(vector, n_asked, texts)
            found = [(name, round(similarity, DECIMALS)) for name, similarity in hits]
            if len(found) < n_asked or found[-1][1] < found[n_hits - 1][1]:
                break
            n_asked *= 4
        ordered = sorted(found, key=lambda hit: (-hit[1], hit[0]))
        return [hit for hit in ordered[:n_hits] if hit[1] > 0]

    def find(self, names: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of these names by name, without those that are not there."""
        ids = [point_id(name) for name in dict.fromkeys(names)]
        found = [
            read_entry(payload)
            for start in range(0, len(ids), PAGE)
            for payload in self._transport.read(ids[start : start + PAGE])
        ]
        return {entry.name: entry for entry in found}

    def entries(self, where: Where | None = None) -> list[Entry]:
        """Return all entries, sorted by name."""
        texts = conditions(where or {})
        pages = self._pages(None, PAGE, texts, with_vectors=False)
        return sorted((read_entry(p) for page in pages for p in page.payloads), key=lambda e: e.name)

    def contents(self, after: str | None = None) -> Iterator[tuple[list[Entry], list[Histogram], str | None]]:
        """Yield everything, some images at a time, with a mark to go on from; the last mark is None."""
        for page in self._pages(after, PAGE_WITH_VECTORS, [], with_vectors=True):
            yield [read_entry(p) for p in page.payloads], page.vectors, page.following

    def count(self, where: Where | None = None) -> int:
        """Return the number of images, or of those that match `where`."""
        return self._transport.count(conditions(where or {}))

    def close(self) -> None:
        """Flush and release the files or the connection; a second call does nothing."""
        self._transport.close()

    def _pages(self, start: str | None, n_points: int, texts: list[str], *, with_vectors: bool) -> Iterator[Page]:
        while True:
            page = self._transport.page(start, n_points, texts, with_vectors=with_vectors)
            yield page
            if page.following is None:
                return
            start = page.following
