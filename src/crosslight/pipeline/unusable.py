"""What cannot be used, among others that can: images to index, queries to answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from crosslight.errors import InputError
from crosslight.store.durable import write_durably

SKIPPED_FILE = "skipped.csv"  # in the folder of an index: images that the last run could not use
COLUMNS = ("name", "file", "reason")

Tell = Callable[[str, InputError], None]


class Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str:
        """A name of its own."""


N = TypeVar("N", bound=Named)


class Unusable:
    """What becomes of an image or query that cannot be used: it stops the work, unless somebody wants to be told.

    Parameters
    ----------
    tell : callable, optional
        Called with the file (or name) of each and what is wrong with it; the others go on.
    again : bool
        Whether they may be mended and tried again, for which `save` lists them.
    """

    def __init__(self, tell: Tell | None = None, *, again: bool = True) -> None:
        self._tell, self.again = tell, again
        self._found: dict[str, tuple[str, InputError]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, name: str, file: str, error: InputError) -> None:
        """Pass over one and tell; raises `error` when nobody wants to be told."""
        if self._tell is None:
            raise error
        self._found[name] = file, error
        self._tell(file, error)

    @contextmanager
    def skip(self, name: str, file: str) -> Iterator[None]:
        """Pass over one whose work raises InputError."""
        try:
            yield
        except InputError as error:
            self.add(name, file, error)

    def without(self, some: Sequence[N]) -> list[N]:
        """Return those that were not passed over."""
        return [one for one in some if one.name not in self._found]

    def save(self, file: Path) -> None:
        """Write a CSV with `COLUMNS`, or delete an earlier one when nothing was passed over.

        Without `again` it stays as it is.
        """
        if not self.again:
            return
        if not self._found:
            file.unlink(missing_ok=True)
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((name, place, str(error)) for name, (place, error) in self._found.items())
        write_durably(file, text.getvalue().encode())
