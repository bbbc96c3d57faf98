"""crosslight remove: images out of an index."""

from __future__ import annotations

from typing import Annotated

import typer

from crosslight.cli.console import out
from crosslight.cli.options import IndexFolder, StoreAddress


def remove(
    index: IndexFolder,
    names: Annotated[
        list[str],
        typer.Argument(help="Names of images in the index, as `crosslight info --names` lists them.", metavar="NAMES"),
    ],
    store: StoreAddress = None,
) -> None:
    """Remove images from an index by name. Their files are not touched."""
    import crosslight

    with crosslight.Index.open(index, store=store) as opened:
        n_removed = opened.remove(names)
        message = f"removed {n_removed} from {index}: {opened.count()} images left"
    out.print(message, markup=False)
