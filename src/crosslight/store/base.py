"""What every store offers: sparse unit vectors with metadata, found by dot product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from crosslight.types import Entry, Histogram

Where = Mapping[str, str | float | int | bool]


class Store(Protocol):
    """Keeps one weighted histogram and one `Entry` per image name.

    Weights are finite, words are distinct; both are checked before writing and raise InputError. Writing a name again
    replaces it. Once `add` returns, a killed process loses nothing.
    """

    def add(self, entries: Sequence[Entry], vectors: Sequence[Histogram]) -> None:
        """Write or replace a batch."""

    def remove(self, names: Sequence[str]) -> int:
        """Remove images by name and return how many were there."""

    def search(self, vector: Histogram, n_hits: int, where: Where | None = None) -> list[tuple[str, float]]:
        """Return at most `n_hits` (name, dot product), best first, ties by name; all must match `where`."""

    def entries(self, where: Where | None = None) -> list[Entry]:
        """Return all entries, sorted by name."""

    def count(self) -> int:
        """Return the number of images."""

    def close(self) -> None:
        """Flush and release the files."""
