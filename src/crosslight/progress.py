"""The one progress hook: a loop calls ``progress(done, total, label)``, whoever listens shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from crosslight.types import Progress

T = TypeVar("T")


def silent(done: float, total: float, label: str) -> None:
    """Show nothing: the default of every library call."""


def track(items: Sequence[T] | Iterable[T], progress: Progress, label: str, *, total: int | None = None) -> Iterator[T]:
    """Yield the items, reporting after each."""
    count = total if total is not None else len(items)  # type: ignore[arg-type]
    for done, item in enumerate(items):
        yield item
        progress(done + 1, count, label)
