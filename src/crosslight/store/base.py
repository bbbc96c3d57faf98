"""What every store offers: sparse unit vectors with metadata, found by dot product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    def find(self, names: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of these names by name, without those that are not there."""

    def entries(self, where: Where | None = None) -> list[Entry]:
        """Return all entries, sorted by name."""

    def contents(self, after: str | None = None) -> Iterator[tuple[list[Entry], list[Histogram], str | None]]:
        """Yield everything, some images at a time, with a mark to go on from; the last mark is None."""

    def count(self, where: Where | None = None) -> int:
        """Return the number of images, or of those that match `where`."""

    def close(self) -> None:
        """Flush and release the files or the connection."""
