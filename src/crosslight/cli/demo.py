"""crosslight demo: train, index and search on the images that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import Device, Seed


def demo(
    folder: Annotated[
        Path, typer.Option("--out", help="Folder for the model, the index and the pictures.", metavar="FOLDER")
    ] = Path("crosslight-demo"),
    minutes: Annotated[float, typer.Option(help="How long to train.", metavar="MINUTES")] = 2.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not train: search with the head start that comes with Crosslight.")
    ] = False,
    patches: Annotated[int, typer.Option(help="How many patches to ask with.", min=1, max=12, metavar="N")] = 8,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """See it work on images of the Earth. Trains, indexes, and finds grey relief patches in true colour, in minutes."""
    from crosslight.demo.run import run_demo
    from crosslight.demo.story import COLUMNS, NUMERIC, answer_row

    with progress_bar() as progress:
        shown = run_demo(
            folder, minutes=minutes, quick=quick, n_patches=patches, seed=seed, device=device, progress=progress
        )
    shown_columns = [i for i, name in enumerate(COLUMNS) if name != "similarity"]  # 80 letters are soon full
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for i in shown_columns:
        table.add_column(COLUMNS[i], justify="right" if COLUMNS[i] in NUMERIC else "left", no_wrap=True)
    for answer in shown.answers:
        row = answer_row(answer)
        table.add_row(*(row[i] for i in shown_columns))
    out.print(table)
    out.print(f"\n{sum(a.right for a in shown.answers)} of {len(shown.answers)} found.")
    out.print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in shown.seconds.items()))
    out.print(f"Look at {shown.page} (a page) and {shown.world} (a picture).", markup=False)
