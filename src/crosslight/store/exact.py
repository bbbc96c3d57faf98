"""Exact search in memory: what every other store is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from scipy import sparse

from crosslight.store.base import Where
from crosslight.store.checks import DECIMALS, check_batch, check_vector, conditions
from crosslight.types import Entry, Histogram

PAGE = 100  # images that `contents` yields at once


class ExactStore:
    """Keeps everything in memory and compares a query with all of it.

    Nothing is written: what it holds ends with the process. An image that shares no word with the query is not found.

    Parameters
    ----------
    folder : Path, optional
        Not used; other stores live there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._entries: dict[str, Entry] = {}
        self._vectors: dict[str, Histogram] = {}
        self._built: tuple[list[str], sparse.csr_array] | None = None  # names and their rows, until something changes

    def add(self, entries: Sequence[Entry], vectors: Sequence[Histogram]) -> None:
        """Write or replace a batch; see `Store`."""
        check_batch(entries, vectors)
        for entry, vector in zip(entries, vectors, strict=True):
            self._entries[entry.name], self._vectors[entry.name] = entry, vector
        self._built = None

    def remove(self, names: Sequence[str]) -> int:
        """Remove images by name and return how many were there."""
        there = [name for name in dict.fromkeys(names) if name in self._entries]
        for name in there:
            del self._entries[name], self._vectors[name]
        self._built = None
        return len(there)

    def search(self, vector: Histogram, n_hits: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return at most `n_hits` (name, dot product), best first, ties by name; only those above zero."""
        check_vector(vector, "the query")
        names, rows = self._build()
        wanted = {entry.name for entry in self.entries(where)}
        query = np.zeros(max(rows.shape[1], 1 + int(vector.words.max(initial=0))))
        query[vector.words] = vector.counts
        similarities = np.round(rows @ query[: rows.shape[1]], DECIMALS)
        order = np.argsort(-similarities, kind="stable")  # stable: the names are sorted already
        hits = ((names[i], float(similarities[i])) for i in order if similarities[i] > 0 and names[i] in wanted)
        return list(islice(hits, max(0, n_hits)))

    def _build(self) -> tuple[list[str], sparse.csr_array]:
        """Return all names, sorted, and one row of weights for each, float64."""
        if self._built is None:
            names = sorted(self._entries)
            stored = [self._vectors[name] for name in names]
            self._built = names, _matrix(stored)
        return self._built

    def entries(self, where: Where | None = None) -> list[Entry]:
        """Return all entries, sorted by name."""
        wanted = set(conditions(where or {}))
        chosen = (e for e in self._entries.values() if wanted <= set(conditions(e.metadata)))
        return sorted(chosen, key=lambda e: e.name)

    def find(self, names: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of these names by name, without those that are not there."""
        return {name: self._entries[name] for name in names if name in self._entries}

    def contents(self, after: str | None = None) -> Iterator[tuple[list[Entry], list[Histogram], str | None]]:
        """Yield everything, some images at a time, with a mark to go on from; the last mark is None."""
        names = [name for name in sorted(self._entries) if after is None or name >= after]
        for start in range(0, max(1, len(names)), PAGE):
            page, rest = names[start : start + PAGE], names[start + PAGE :]
            yield [self._entries[n] for n in page], [self._vectors[n] for n in page], rest[0] if rest else None

    def count(self, where: Where | None = None) -> int:
        """Return the number of images, or of those that match `where`."""
        return len(self.entries(where)) if where else len(self._entries)

    def close(self) -> None:
        """Do nothing: there are no files."""


def _matrix(vectors: Sequence[Histogram]) -> sparse.csr_array:
    """Return one row per vector, float64."""
    starts = np.cumsum([0, *(v.words.size for v in vectors)])
    words = np.concatenate([np.zeros(0, np.int64), *(v.words for v in vectors)])
    weights = np.concatenate([np.zeros(0), *(v.counts for v in vectors)])
    return sparse.csr_array((weights, words, starts), shape=(len(vectors), 1 + int(words.max(initial=0))))
