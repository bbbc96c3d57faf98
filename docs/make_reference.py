"""Write docs/reference/command-line.md from the program; with --check only tell whether it is current."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer.main

from crosslight.cli.main import app

PAGE = Path(__file__).parent / "reference" / "command-line.md"
HEAD = """\
# Command line

Written from the program by `docs/make_reference.py`; `python -m crosslight` is the same command. Results go to stdout,
everything else to stderr. A mistake in the input ends with one line that says what to do, and exit status 2;
`crosslight --debug COMMAND ...` shows the traceback.
Of several queries those that cannot be used are named last, with exit status 2; the others are answered all the same.
So it is with images in `index` and `add`: those that cannot be used are skipped, and the next run tries them again.
"""


def make_page() -> str:
    """Return the page as Markdown: one section per command, one row per argument or option."""
    group: Any = typer.main.get_command(app)
    return "\n".join([HEAD, *(describe_command(name, command) for name, command in group.commands.items())])


def describe_command(name: str, command: Any) -> str:
    """Return the section of one command."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join(["crosslight", name, *(say_argument(a) for a in arguments), "[options]"])
    rows = [(f"`{say_argument(a)}`", a.help or "", "") for a in arguments]
    rows += [(f"`{say_option(o)}`", o.help or "", say_default(o)) for o in options]
    table = [f"| {option} | {words} | {default} |" for option, words, default in rows]
    words = command.help.strip().replace("\b\n", "")  # marks what is not to be wrapped
    lines = [f"## {name}", "", words, "", f"    {usage}", "", "| | | default |", "| --- | --- | --- |"]
    return "\n".join([*lines, *table, ""])


def say_argument(argument: Any) -> str:
    """Return an argument as a usage line has it."""
    return argument.name.upper() + ("..." if argument.nargs == -1 else "")


def say_option(option: Any) -> str:
    """Return an option with what follows it."""
    value = "" if option.is_flag else f" {option.metavar}".replace("|", "\\|")
    return f"{option.opts[-1]}{value}"


def say_default(option: Any) -> str:
    """Return an option's default, or whether it is required."""
    if option.required:
        return "required"
    if option.default is None or option.is_flag or not str(option.default):
        return ""
    return f"`{getattr(option.default, 'value', option.default)}`"


if __name__ == "__main__":
    page = make_page()
    if "--check" in sys.argv:
        sys.exit(f"{PAGE} is not current; run docs/make_reference.py" if PAGE.read_text("utf-8") != page else 0)
    PAGE.write_text(page, "utf-8")
