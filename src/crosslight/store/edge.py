"""The embedded store: qdrant-edge, one folder, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import qdrant_edge as qdrant

from crosslight.store.base import Where
from crosslight.store.checks import DECIMALS, check_batch, check_vector
from crosslight.store.ledger import Ledger
from crosslight.store.points import (
    VECTOR,
    make_filter,
    make_point,
    make_vector,
    point_id,
    read_entry,
    read_name,
    split_points,
)
from crosslight.store.shard import guard, open_shard, require_space
from crosslight.types import Entry, Histogram

PAGE = 1000  # entries read at once


class EdgeStore:
    """Keeps entries and vectors in a folder and finds the best by an inverted index, exactly.

    A batch counts once `add` returns; a process killed before that leaves some, all or none of its images. An image
    that shares no word with the query is not found. Only one process at a time can have the folder open, for reading
    too.

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
        self._folder = folder
        self._ledger = Ledger(folder)
        self._shard = open_shard(folder, wait_s=wait_s)
        try:
            self._ledger.check(self.count())
        except BaseException:
            self._shard.close()
            raise

    def add(self, entries: Sequence[Entry], vectors: Sequence[Histogram]) -> None:
        """Write or replace a batch; see `Store`."""
        check_batch(entries, vectors)
        if not entries:
            return
        points = [make_point(entry, vector) for entry, vector in zip(entries, vectors, strict=True)]
        sizes = [v.words.size for v in vectors]
        operations = [qdrant.UpdateOperation.upsert_points(group) for group in split_points(points, sizes)]
        n_new = len(points) - self._count_there([point_id(e.name) for e in entries])
        self._change(operations, n_weights=sum(sizes), n_new=n_new)

    def remove(self, names: Sequence[str]) -> int:
        """Remove images by name and return how many were there."""
        ids = [point_id(name) for name in dict.fromkeys(names)]
        n_there = self._count_there(ids)
        if n_there:
            self._change([qdrant.UpdateOperation.delete_points([*ids])], n_weights=0, n_new=-n_there)
        return n_there

    def search(self, vector: Histogram, n_hits: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return at most `n_hits` (name, dot product), best first, ties by name; only those above zero."""
        check_vector(vector, "the query")
        if vector.words.size == 0 or n_hits < 1:
            return []
        query = qdrant.Query.Nearest(make_vector(vector), using=VECTOR)
        n_asked = n_hits + 8
        while True:  # until everything that ties with the last hit has been seen, since ties go by name
            request = qdrant.QueryRequest(
                limit=n_asked, query=query, filter=make_filter(where), with_payload=["name"],
                params=qdrant.SearchParams(exact=True),
            )  # fmt: skip
            with guard(self._folder):
                points = self._shard.query(request)
            found = [(read_name(p.payload), round(float(p.score), DECIMALS)) for p in points]
            if len(found) < n_asked or found[-1][1] < found[n_hits - 1][1]:
                break
            n_asked *= 4
        ordered = sorted(found, key=lambda hit: (-hit[1], hit[0]))
        return [hit for hit in ordered[:n_hits] if hit[1] > 0]

    def entries(self, where: Where | None = None) -> list[Entry]:
        """Return all entries, sorted by name."""
        return sorted(map(read_entry, self._payloads(where)), key=lambda e: e.name)

    def count(self) -> int:
        """Return the number of images."""
        with guard(self._folder):
            return int(self._shard.count(qdrant.CountRequest(exact=True)))

    def close(self) -> None:
        """Flush and release the files; a second call does nothing."""
        with guard(self._folder):
            self._shard.close()

    def _change(self, operations: Sequence[qdrant.UpdateOperation], *, n_weights: int, n_new: int) -> None:
        """Apply operations such that they hold once this returns."""
        require_space(self._folder, n_weights=n_weights)
        count = self.count()
        self._ledger.announce(count, count + n_new)
        with guard(self._folder):
            for operation in operations:
                self._shard.update(operation)
            self._shard.flush()
        self._ledger.announce(count + n_new, count + n_new)

    def _count_there(self, ids: Sequence[str]) -> int:
        with guard(self._folder):
            return len(self._shard.retrieve(list(ids), False, False))

    def _payloads(self, where: Where | None) -> Iterator[dict[str, Any] | None]:
        offset = None
        while True:
            request = qdrant.ScrollRequest(offset=offset, limit=PAGE, filter=make_filter(where), with_payload=True)
            with guard(self._folder):
                records, offset = self._shard.scroll(request)
            yield from (record.payload for record in records)
            if offset is None:
                return
