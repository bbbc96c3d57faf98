"""crosslight report: a ranking -> one HTML page to share."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import err, progress_bar
from crosslight.cli.options import Device


def report(
    ranking: Annotated[
        Path, typer.Argument(help="A ranking, as `crosslight search --csv` or `--json` writes it.", metavar="RANKING")
    ],
    out: Annotated[Path, typer.Option(help="The HTML file to write.", metavar="FILE")],
    index: Annotated[
        Path | None, typer.Option(help="The index that was searched: for pictures of the hits.", metavar="FOLDER")
    ] = None,
    queries: Annotated[
        list[Path] | None,
        typer.Option(
            help="Query images, or a folder of them, for pictures of the queries; may be repeated.", metavar="PATH"
        ),
    ] = None,
    hits: Annotated[int, typer.Option(help="Hits of each query to show as pictures.", min=1, metavar="N")] = 5,
    title: Annotated[str, typer.Option(help="Heading of the page; default: what was asked.", metavar="TEXT")] = "",
    device: Device = "auto",
) -> None:
    """Write the answers as one HTML page. It needs no server: to look at, print and send."""
    import crosslight
    from crosslight.pipeline.ranking_reader import attach_queries
    from crosslight.pipeline.report import write_report

    rankings = crosslight.read_rankings(ranking)
    if queries:
        rankings = attach_queries(rankings, queries)
    opening = nullcontext() if index is None else crosslight.Index.open(index, device=device)
    with opening as opened, progress_bar() as progress:
        write_report(out, rankings, index=opened, n_hits=hits, title=title, progress=progress)
    err.print(f"report: {out}", markup=False)
