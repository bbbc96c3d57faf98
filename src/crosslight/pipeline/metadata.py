"""The user's own columns: metadata.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from crosslight.errors import ConfigError, InputError, say_cause

Value = str | float | int | bool


def read_metadata(path: Path | None) -> dict[str, dict[str, Value]]:
    """Read a CSV with a column `name` and return the other columns by image name.

    Empty cells are left out. Raises InputError for an unreadable file, a missing `name` column or a repeated name.
    """
    if path is None:
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The metadata file {path} cannot be read ({say_cause(error)}); give a UTF-8 CSV.") from error
    if rows and "name" not in rows[0]:
        raise InputError(f"The metadata file {path} has no column `name`; its columns are {', '.join(rows[0])}.")
    table: dict[str, dict[str, Value]] = {}
    for row in rows:
        name = row.pop("name")
        if name in table:
            raise InputError(f"The metadata file {path} lists {name!r} twice; keep one line per image.")
        table[name] = {key: value for key, value in row.items() if key and value not in (None, "")}
    return table


def parse_pairs(texts: Iterable[str], what: str) -> dict[str, str]:
    """Read key=value texts; raises ConfigError where the equals sign or the key is missing."""
    result = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"{what} is {text!r}; write it as key=value, for instance stain=HE.")
        result[key] = value
    return result
