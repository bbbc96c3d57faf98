"""crosslight move: an index's vectors to a Qdrant server, or back."""

from __future__ import annotations

from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import IndexFolder


def move(
    index: IndexFolder,
    store: Annotated[
        str,
        typer.Option(
            "--store",
            help="Where to: a Qdrant server, http://host:6333 (its key: QDRANT_API_KEY), or `embedded`, the index "
            "folder.",
            metavar="URL",
        ),
    ],
) -> None:
    """Carry an index's vectors to a Qdrant server, or back. A stopped move goes on where it was."""
    import crosslight

    with crosslight.Index.open(index) as opened, progress_bar() as progress:
        n_images = opened.move(store, progress=progress)
        place = opened.info()
    out.print(
        f"{n_images} images of {index} are at {place['store']}"
        + (f", collection {place['collection']}" if "collection" in place else ""),
        markup=False,
    )
