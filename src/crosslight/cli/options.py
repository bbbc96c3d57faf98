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
    best = "best"
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


Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.", metavar="NAME")]
Seed = Annotated[
    int, typer.Option(help="Start of every random choice; the same one gives the same result.", min=0, metavar="N")
]
IndexFolder = Annotated[Path, typer.Argument(help="An index folder, as `crosslight index` writes it.", metavar="INDEX")]
ModelFolder = Annotated[
    Path, typer.Option("--model", help="A model folder, as `crosslight fit` writes it.", metavar="FOLDER")
]
ImageFiles = Annotated[
    list[Path],
    typer.Argument(help="Image files, slides, OME-Zarr folders, or folders of these.", metavar="IMAGES"),
]
Metadata = Annotated[
    Path | None,
    typer.Option(help="CSV with a column `name` and your own columns, for `search --where`.", metavar="FILE"),
]
PairPattern = Annotated[
    tuple[str, str] | None,
    typer.Option(
        help="What the files of A and B are called, {id} being the pair's name: '{id}_BF.tif' '{id}_SHG.tif'. By "
        "default the two have the same name but for the suffix.",
        metavar="A B",
    ),
]
StoreAddress = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Qdrant server with the index's vectors, http://host:6333 (its key: QDRANT_API_KEY), if it is not where "
        "the index says.",
        metavar="URL",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(help="Share the work among so many processes of this machine.", min=1, metavar="N"),
]
SchedulerAddress = Annotated[
    str | None,
    typer.Option("--scheduler", help="Do the work on this Dask cluster: tcp://host:8786.", metavar="ADDRESS"),
]
PixelSize = Annotated[
    float | None,
    typer.Option(
        "--mpp", help="Micrometres per pixel of the images, instead of what their files say.", metavar="NUMBER"
    ),
]
