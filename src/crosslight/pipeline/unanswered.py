"""Queries that cannot be answered, among others that can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from crosslight.errors import InputError

Tell = Callable[[str, InputError], None]


class Unanswered:
    """What becomes of a query that cannot be used: it stops the search, unless somebody wants to be told.

    Parameters
    ----------
    tell : callable, optional
        Called with each such query's file (or name) and what is wrong with it; the others go on.
    """

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell

    @contextmanager
    def skip(self, query: str) -> Iterator[None]:
        """Pass over a query whose work raises InputError, and tell."""
        try:
            yield
        except InputError as error:
            if self._tell is None:
                raise
            self._tell(query, error)
