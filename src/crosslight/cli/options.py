"""Options that several commands share, with one wording."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ModalityName(StrEnum):
    """The two kinds of image of a model."""

    A = "A"
    B = "B"


class PresetName(StrEnum):
    """Complete sets of settings."""

    default = "default"
    paper = "paper"
    originals = "originals"
    pix2pix = "pix2pix"
    pix2pix_small = "pix2pix-small"
    cyclegan = "cyclegan"
    cyclegan_small = "cyclegan-small"


class RerankName(StrEnum):
    """How the shortlist becomes hits."""

    align = "align"
    patches = "patches"
    none = "none"


Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Seed = Annotated[int, typer.Option(help="Start of every random choice.", min=0)]
IndexFolder = Annotated[Path, typer.Argument(help="An index folder, as `crosslight index` writes it.")]
ModelFolder = Annotated[Path, typer.Option("--model", help="A model folder, as `crosslight fit` writes it.")]
Metadata = Annotated[
    Path | None, typer.Option(help="CSV with a column `name` and your own columns, for filtering with --where.")
]
StoreAddress = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Qdrant server with the vectors, http://host:6333 (key: QDRANT_API_KEY); default: where the index says.",
    ),
]
Workers = Annotated[int | None, typer.Option(help="Share the work among so many processes of this machine.", min=1)]
SchedulerAddress = Annotated[
    str | None, typer.Option("--scheduler", help="Do the work on this Dask cluster: tcp://host:8786.")
]
PixelSize = Annotated[
    float | None,
    typer.Option("--mpp", help="Micrometres per pixel of the images, instead of what their files say."),
]
