"""The embedded store: qdrant-edge, one folder, one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as qdrant

from crosslight.store.adapter import Page, PointStore
from crosslight.store.ledger import Ledger
from crosslight.store.points import KEY_CONDITIONS, VECTOR, Payload, Point, read_name, split_points
from crosslight.store.shard import guard, open_shard, require_space
from crosslight.types import Histogram


class EdgeStore(PointStore):
    """Keeps entries and vectors in a folder and finds the best by an inverted index, exactly.

    A batch counts once `add` returns; a process killed before that leaves some, all or none of its images. Only one
    process at a time can have the folder open, for reading too.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    wait_s : float
        How long to wait for another process that has the folder open.

    Raises
    ------
    StoreUnavailableError
        If another process has the folder open, or the disk is full or refuses.
    IndexCorruptError
        If the folder is damaged, or holds fewer images than were written.
    """

    def __init__(self, folder: Path, *, wait_s: float = 5.0) -> None:
        super().__init__(EdgeTransport(folder, wait_s=wait_s))


class EdgeTransport:
    """The engine in this process; a ledger beside it tells lost images from ones that never came."""

    def __init__(self, folder: Path, *, wait_s: float) -> None:
        self._folder = folder
        self._ledger = Ledger(folder)
        self._shard = open_shard(folder, wait_s=wait_s)
        try:
            self._ledger.check(self.count([]))
        except BaseException:
            self._shard.close()
            raise

    def write(self, points: Sequence[Point]) -> None:
        """Write or replace points such that they are kept once this returns."""
        upsert = qdrant.UpdateOperation.upsert_points
        operations = [upsert([_edge_point(p) for p in group]) for group in split_points(points)]
        n_weights = sum(p.vector.words.size for p in points)
        n_new = len(points) - len(self._retrieve([p.id for p in points], with_payload=False))
        self._change(operations, n_weights=n_weights, n_new=n_new)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete points that are there."""
        self._change([qdrant.UpdateOperation.delete_points([*ids])], n_weights=0, n_new=-len(ids))

    def read(self, ids: Sequence[str]) -> list[Payload]:
        """Return the payloads of those ids that are there."""
        return [record.payload or {} for record in self._retrieve(ids, with_payload=True)]

    def query(self, vector: Histogram, n_hits: int, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return (name, dot product) of the best, best first."""
        request = qdrant.QueryRequest(
            limit=n_hits,
            query=qdrant.Query.Nearest(_edge_vector(vector), using=VECTOR),
            filter=_edge_filter(texts),
            with_payload=["name"],
            params=qdrant.SearchParams(exact=True),
        )
        with guard(self._folder):
            return [(read_name(p.payload), float(p.score)) for p in self._shard.query(request)]

    def page(self, start: str | None, n_points: int, texts: Sequence[str], *, with_vectors: bool) -> Page:
        """Return the points from id `start` on."""
        request = qdrant.ScrollRequest(
            offset=start, limit=n_points, filter=_edge_filter(texts), with_payload=True, with_vector=with_vectors
        )
        with guard(self._folder):
            records, following = self._shard.scroll(request)
        vectors = [_read_vector(r.vector) for r in records] if with_vectors else []
        following = None if following is None else str(following)
        return Page(payloads=[r.payload or {} for r in records], vectors=vectors, following=following)

    def count(self, texts: Sequence[str]) -> int:
        """Return the number of points, exactly."""
        with guard(self._folder):
            return int(self._shard.count(qdrant.CountRequest(exact=True, filter=_edge_filter(texts))))

    def close(self) -> None:
        """Flush and release the files; a second call does nothing."""
        with guard(self._folder):
            self._shard.close()

    def _change(self, operations: Sequence[qdrant.UpdateOperation], *, n_weights: int, n_new: int) -> None:
        """Apply operations such that they hold once this returns."""
        require_space(self._folder, n_weights=n_weights)
        count = self.count([])
        self._ledger.announce(count, count + n_new)
        with guard(self._folder):
            for operation in operations:
                self._shard.update(operation)
            self._shard.flush()
        self._ledger.announce(count + n_new, count + n_new)

    def _retrieve(self, ids: Sequence[str], *, with_payload: bool) -> list[Any]:
        with guard(self._folder):
            return list(self._shard.retrieve([*ids], with_payload, False))


def _edge_point(point: Point) -> qdrant.Point:
    return qdrant.Point(point.id, {VECTOR: _edge_vector(point.vector)}, dict(point.payload))


def _edge_vector(vector: Histogram) -> qdrant.SparseVector:
    return qdrant.SparseVector(vector.words.tolist(), vector.counts.tolist())


def _read_vector(vectors: Any) -> Histogram:
    """Return the histogram of a record; the engine leaves out an empty one."""
    vector = (vectors or {}).get(VECTOR)
    words, weights = ([], []) if vector is None else (vector.indices, vector.values)
    return Histogram(words=np.array(words, np.int32), counts=np.array(weights, np.float32))


def _edge_filter(texts: Sequence[str]) -> qdrant.Filter | None:
    if not texts:
        return None
    return qdrant.Filter(must=[qdrant.FieldCondition(KEY_CONDITIONS, match=qdrant.MatchValue(t)) for t in texts])
