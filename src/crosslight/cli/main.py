"""The `crosslight` command: every error becomes one line on stderr and exit status 2."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

import crosslight
from crosslight.cli import add, demo, fit, index, info, remove, search
from crosslight.cli.console import err, out
from crosslight.errors import CrosslightError

app = typer.Typer(
    help="Find the same place in images of different kinds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo.demo, fit.fit, index.index, add.add, remove.remove, info.info, search.search):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"crosslight {crosslight.__version__}")
        raise typer.Exit


@app.callback()
def main(
    debug: Annotated[bool, typer.Option(help="Show the full traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Find the same place in images of different kinds."""
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, stream=sys.stderr)


def run() -> None:
    """Run the command line; the entry point of the package."""
    try:
        app()
    except CrosslightError as error:
        if "--debug" in sys.argv:
            raise
        err.print(f"crosslight: {error}", markup=False)
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        err.print("crosslight: stopped; what is finished was kept, the same command goes on from there.")
        raise SystemExit(130) from None
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        err.print(f"crosslight: the system refused a file ({error}); check space and permissions.", markup=False)
        raise SystemExit(2) from error


if __name__ == "__main__":
    run()
