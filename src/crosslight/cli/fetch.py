"""crosslight fetch: download weights of a known network."""

from __future__ import annotations

from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="resnet152 (241 MB), resnet50 (102 MB) or densenet169 (57 MB), from huggingface.co.", metavar="NAME"
        ),
    ],
) -> None:
    """Download ImageNet weights, for comparisons. Nothing else here ever downloads anything."""
    from crosslight.describe.weights import fetch_weights

    with progress_bar() as progress:
        path = fetch_weights(name, progress)
    out.print(str(path), markup=False)
