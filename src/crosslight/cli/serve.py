"""crosslight serve: an index as a web page and a REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from crosslight.cli.console import out
from crosslight.cli.options import Device, IndexFolder, StoreAddress
from crosslight.errors import MissingDependencyError


def serve(
    index: IndexFolder,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; others than this computer's own ask for a token.", metavar="ADDRESS"),
    ] = ("127.0.0.1"),
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535, metavar="N")
    ] = 8000,
    token: Annotated[
        str, typer.Option(help="What visitors have to show; made and printed where one is needed.", metavar="TEXT")
    ] = "",
    store: StoreAddress = None,
    device: Device = "auto",
) -> None:
    """Open an index in the browser. Search, compare, add images; with a REST API."""
    try:
        from crosslight.web.server import serve as run
        from crosslight.web.settings import ServeSettings, make_token
    except ImportError as error:
        raise MissingDependencyError(
            f"The web application needs {error.name}; install it with pip install 'crosslight[web]'."
        ) from error
    import crosslight

    settings = ServeSettings(host=host, port=port, token=token)
    if not settings.is_local and not token:
        settings = ServeSettings(host=host, port=port, token=make_token())
    with crosslight.Index.open(index, store=store, device=device) as opened:

        def ready(address: str) -> None:
            out.print(f"{opened.count()} images; open {address} (Ctrl-C stops)", markup=False, highlight=False)

        run(opened, settings, ready)
