"""crosslight index: images + model -> index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import (
    Device,
    ImageFiles,
    Metadata,
    ModalityName,
    ModelFolder,
    PixelSize,
    SchedulerAddress,
    Workers,
)
from crosslight.cli.unusable import sum_up_skipped, tell_unusable
from crosslight.errors import say_count


def index(
    images: ImageFiles,
    model: ModelFolder,
    modality: Annotated[ModalityName, typer.Option(help="Which kind the images are, A or B.", metavar="A|B")],
    index: Annotated[Path, typer.Option("--out", help="Index folder to write, or to go on with.", metavar="FOLDER")],
    metadata: Metadata = None,
    describer: Annotated[
        str | None,
        typer.Option(
            help="What the shortlist compares: surf, oriented-surf, sift, rootsift, detected-sift or resnet; default: "
            "the preset's.",
            metavar="NAME",
        ),
    ] = None,
    mpp: PixelSize = None,
    background: Annotated[
        str | None,
        typer.Option(help="skip or keep: whether the glass of slides is left out; default: skip.", metavar="NAME"),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Qdrant server that is to keep the vectors, http://host:6333 (its key: QDRANT_API_KEY); default: the "
            "index folder keeps them.",
            metavar="URL",
        ),
    ] = None,
    workers: Workers = None,
    scheduler: SchedulerAddress = None,
    device: Device = "auto",
) -> None:
    """Make images of one modality searchable. A stopped run goes on where it was.

    Images that cannot be used are skipped and named last; the next run tries them again.
    """
    import crosslight

    with tell_unusable(lambda images: sum_up_skipped(images, index)) as on_skipped:
        with progress_bar() as progress:
            opened = crosslight.Index.build(
                images, model, modality=modality.value, out=index, metadata=metadata, describer=describer, mpp=mpp,
                background=background, store=store, workers=workers, scheduler=scheduler, device=device,
                on_skipped=on_skipped, progress=progress,
            )  # fmt: skip
        with opened:
            holds = f"{say_count(opened.count(), 'image')}, {say_count(opened.n_words, 'word')}"
            out.print(f"{opened.last_change} in {index}: {holds}", markup=False)
