"""The `crosslight` command: every error becomes one line on stderr and exit status 2."""

from __future__ import annotations

import errno
import logging
import sys
from typing import Annotated

import typer

import crosslight
from crosslight.cli import add, demo, evaluate, fetch, fit, index, info, move, remove, report, search, serve
from crosslight.cli.console import err, out
from crosslight.errors import CrosslightError, say_cause

INTERRUPTED = 130

app = typer.Typer(
    help="Find the same place in images of different kinds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (
    demo.demo,
    fetch.fetch,
    fit.fit,
    index.index,
    add.add,
    remove.remove,
    move.move,
    info.info,
    search.search,
    evaluate.evaluate,
    report.report,
    serve.serve,
)
for command in COMMANDS:
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"crosslight {crosslight.__version__}")
        raise typer.Exit


@app.callback()
def main(
    debug: Annotated[bool, typer.Option("--debug", help="Show the full traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Find the same place in images of different kinds."""
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, stream=sys.stderr)


def say_system_error(error: OSError) -> str:
    """Return what the system refused and what to do about it."""
    place = error.filename2 or error.filename
    what = f"{place}: " if place else "the system refused a file: "
    if isinstance(error, IsADirectoryError):
        return f"{place} is a folder; give the name of a file."
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        return f"{place} cannot be made, since a part of its path is a file; choose another place."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what}no space is left; make room and run the same command again."
    return f"{what}{say_cause(error)}; check the path and its permissions, or choose another place."


def run() -> None:
    """Run the command line; the entry point of the package."""
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except (CrosslightError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        sentence = str(error) if isinstance(error, CrosslightError) else say_system_error(error)
        err.print(f"crosslight: {sentence}", markup=False)
        raise SystemExit(2) from error
    except Exception as error:
        if not hasattr(error, "show"):  # typer's own: a misspelt option, say
            raise
        error.show()
        raise SystemExit(2) from error
    if code == INTERRUPTED:  # typer returns it for Ctrl-C
        err.print("crosslight: stopped; what is finished was kept, the same command goes on (fit: with --resume).")
    raise SystemExit(code or 0)
