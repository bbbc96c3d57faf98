"""crosslight fetch: download weights of a known network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import err, out, progress_bar


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="resnet152 (241 MB), resnet50 (102 MB) or densenet169 (57 MB), from huggingface.co.", metavar="NAME"
        ),
    ],
    source: Annotated[
        Path | None, typer.Option("--from", help="Take this safetensors file instead of downloading.", metavar="FILE")
    ] = None,
) -> None:
    """Download ImageNet weights, for comparisons. Nothing else here ever downloads anything."""
    from crosslight.describe.weights import checksum, fetch_weights

    with progress_bar() as progress:
        path = fetch_weights(name, source, progress)
    err.print(
        f"SHA-256 {checksum(path)}: compare it with what your source publishes. Crosslight knows none to compare with, "
        "and refuses a file that does not fit the network when it is used.",
        markup=False,
    )
    out.print(str(path), markup=False)
