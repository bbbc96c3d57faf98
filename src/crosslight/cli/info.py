"""crosslight info: what an index holds."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from crosslight.cli.console import out
from crosslight.cli.options import IndexFolder, StoreAddress


def info(
    index: IndexFolder,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
    names: Annotated[bool, typer.Option("--names", help="List the names, sizes and files of the images too.")] = False,
    words: Annotated[
        bool, typer.Option("--words", help="Count how the visual words are spread over the images; reads all of them.")
    ] = False,
    store: StoreAddress = None,
) -> None:
    """Show what an index holds and what it was made with."""
    from dataclasses import asdict

    import crosslight
    from crosslight.encode.statistics import say_words
    from crosslight.pipeline.words import measure_index

    with crosslight.Index.open(index, store=store) as opened:
        facts = opened.info()
        entries = opened.entries() if names else []
        counted = measure_index(opened) if words else None
    if as_json:
        listing = {"names": [e.name for e in entries]} if names else {}
        spread = {"word_statistics": asdict(counted) if counted else None} if words else {}
        out.print(json.dumps({**facts, **listing, **spread}), markup=False)
        return
    for key, value in (*facts.items(), *(say_words(counted).items() if counted else ())):
        out.print(f"{key:>16}  {value}", markup=False)
    for entry in entries:
        out.print(f"{entry.name}  {entry.width_px} x {entry.height_px}  {entry.path}", markup=False)
