"""Images that cannot be used, among others that can."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from crosslight.errors import InputError
from crosslight.pipeline.unanswered import Tell
from crosslight.store.durable import write_durably

FILE = "skipped.csv"
COLUMNS = ("name", "file", "reason")


class Named(Protocol):
    """What has an image's name and file."""

    @property
    def name(self) -> str:
        """The image's name."""

    @property
    def path(self) -> Path:
        """Its file."""


N = TypeVar("N", bound=Named)


class Skipped:
    """What becomes of an image that cannot be used: it stops the run, unless somebody wants to be told.

    Parameters
    ----------
    tell : callable, optional
        Called with each such image's file and what is wrong with it; the others go on.
    """

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell
        self._rows: dict[str, tuple[str, str, str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, file: Path, error: InputError) -> None:
        """Pass over an image and tell; raises `error` when nobody wants to be told."""
        if self._tell is None:
            raise error
        self._rows[name] = (name, str(file), str(error))
        self._tell(str(file), error)

    @contextmanager
    def skip(self, name: str, file: Path) -> Iterator[None]:
        """Pass over an image whose work raises InputError."""
        try:
            yield
        except InputError as error:
            self.add(name, file, error)

    def without(self, some: Sequence[N]) -> list[N]:
        """Return those that were not skipped."""
        return [one for one in some if one.name not in self._rows]

    def save(self, folder: Path) -> None:
        """Write skipped.csv into an index folder, or delete an earlier run's when nothing was skipped."""
        if not self._rows:
            (folder / FILE).unlink(missing_ok=True)
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self._rows.values())
        write_durably(folder / FILE, text.getvalue().encode())
