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
    store: StoreAddress = None,
) -> None:
    """Show what an index holds and what it was made with."""
    import crosslight

    with crosslight.Index.open(index, store=store) as opened:
        facts = opened.info()
        entries = opened.entries() if names else []
    if as_json:
        listing = {"names": [e.name for e in entries]} if names else {}
        out.print(json.dumps({**facts, **listing}), markup=False)
        return
    for key, value in facts.items():
        out.print(f"{key:>16}  {value}", markup=False)
    for entry in entries:
        out.print(f"{entry.name}  {entry.width_px} x {entry.height_px}  {entry.path}", markup=False)
