"""What commands say of images and queries that cannot be used, among others that can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from crosslight.cli.console import err
from crosslight.errors import InputError, say_count
from crosslight.pipeline.unusable import SKIPPED_FILE, Tell


@contextmanager
def tell_unusable(sum_up: Callable[[Sequence[str]], str]) -> Iterator[Tell]:
    """Yield what collects files that cannot be used; at the end say what is wrong with each, and exit with 2.

    `sum_up` makes the last sentence from the files, or "" for none.
    """
    found: dict[str, InputError] = {}
    try:
        yield found.__setitem__
    finally:
        for error in found.values():
            err.print(f"crosslight: {error}", markup=False)
    if found:
        sentence = sum_up(list(found))
        if sentence:
            err.print(f"crosslight: {sentence}", markup=False)
        raise typer.Exit(2)


def sum_up_skipped(images: Sequence[str], folder: Path) -> str:
    """Return how many images an index is without."""
    n_images = f"{say_count(len(images), 'image')} {'was' if len(images) == 1 else 'were'}"
    return f"{n_images} skipped, listed in {folder / SKIPPED_FILE}; the same command tries them again."


def sum_up_unanswered(queries: Sequence[str], n_answered: int) -> str:
    """Return how many of several queries have no answer."""
    n_queries = n_answered + len(queries)
    names = ", ".join(Path(query).name for query in queries)
    return f"{len(queries)} of {n_queries} queries were not answered: {names}." if n_queries > 1 else ""
