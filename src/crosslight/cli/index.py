"""crosslight index: images + model -> index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import (
    Device,
    Metadata,
    ModalityName,
    ModelFolder,
    PixelSize,
    SchedulerAddress,
    StoreAddress,
    Workers,
)


def index(
    images: Annotated[list[Path], typer.Argument(help="Image files, slides, OME-Zarr folders, or folders of these.")],
    model: ModelFolder,
    modality: Annotated[ModalityName, typer.Option(help="What kind these images are: A or B.")],
    index: Annotated[Path, typer.Option("--out", help="Index folder to write, or to go on with.")],
    metadata: Metadata = None,
    describer: Annotated[str | None, typer.Option(help="surf, sift, rootsift, ...: how the shortlist is made.")] = None,
    mpp: PixelSize = None,
    background: Annotated[str | None, typer.Option(help="skip or keep the glass of slides; default: skip.")] = None,
    store: StoreAddress = None,
    workers: Workers = None,
    scheduler: SchedulerAddress = None,
    device: Device = "auto",
) -> None:
    """Make images of one modality searchable. A stopped run goes on where it was."""
    import crosslight

    with progress_bar() as progress:
        opened = crosslight.Index.build(
            images, model, modality=modality.value, out=index, metadata=metadata, describer=describer, mpp=mpp,
            background=background, store=store, workers=workers, scheduler=scheduler, device=device, progress=progress,
        )  # fmt: skip
    with opened:
        out.print(f"{opened.last_change} in {index}: {opened.count()} images, {opened.n_words} words", markup=False)
