"""What index and add say of images that could not be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from crosslight.cli.console import err
from crosslight.errors import InputError, say_count
from crosslight.pipeline.skipped import FILE
from crosslight.pipeline.unanswered import Tell


@contextmanager
def tell_skipped(folder: Path) -> Iterator[Tell]:
    """Yield what collects images that are skipped; at the end say what was wrong with each, and exit with 2."""
    skipped: dict[str, InputError] = {}
    try:
        yield skipped.__setitem__
    finally:
        for error in skipped.values():
            err.print(f"crosslight: {error}", markup=False)
    if skipped:
        n_images = f"{say_count(len(skipped), 'image')} {'was' if len(skipped) == 1 else 'were'}"
        err.print(
            f"crosslight: {n_images} skipped, listed in {folder / FILE}; the same command tries them again.",
            markup=False,
        )
        raise typer.Exit(2)
