"""crosslight add: more images for an index."""

from __future__ import annotations

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import (
    Device,
    ImageFiles,
    IndexFolder,
    Metadata,
    PixelSize,
    SchedulerAddress,
    StoreAddress,
    Workers,
)
from crosslight.cli.unusable import sum_up_skipped, tell_unusable


def add(
    index: IndexFolder,
    images: ImageFiles,
    metadata: Metadata = None,
    mpp: PixelSize = None,
    store: StoreAddress = None,
    workers: Workers = None,
    scheduler: SchedulerAddress = None,
    device: Device = "auto",
) -> None:
    """Add images to an index. One that is there already is replaced if its file has changed."""
    import crosslight

    with tell_unusable(lambda images: sum_up_skipped(images, index)) as on_skipped:
        with crosslight.Index.open(index, store=store, device=device) as opened, progress_bar() as progress:
            opened.add(
                images, metadata=metadata, mpp=mpp, workers=workers, scheduler=scheduler, on_skipped=on_skipped,
                progress=progress,
            )  # fmt: skip
            message = f"{opened.last_change} in {index}: {opened.count()} images"
        out.print(message, markup=False)
