"""Settings read from and written to TOML and JSON."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from crosslight.config import FitConfig, TranslationConfig
from crosslight.errors import ConfigError, say_cause, unknown_name
from crosslight.kinds import is_kind, say_kind

C = TypeVar("C")


def to_dict(config: object) -> dict[str, Any]:
    """Return a dataclass as nested dicts and lists, as JSON and TOML write them."""
    return dataclasses.asdict(config)  # type: ignore[call-overload,no-any-return]


def from_dict(kind: type[C], values: Mapping[str, Any]) -> C:
    """Build the dataclass `kind` from nested dicts; unknown keys raise ConfigError."""
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(unknown_name(f"setting in {kind.__name__}", key, known))
        hint = hints[key]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{key} is {value!r}; it is a group of settings: [{key}] in TOML.")
            arguments[key] = from_dict(hint, value)
        else:
            arguments[key] = tuple(value) if isinstance(value, list) else value
            if not is_kind(arguments[key], hint):
                raise ConfigError(f"{key} is {value!r}; {say_kind(hint)} is expected.")
    try:
        return kind(**arguments)
    except TypeError as error:
        raise ConfigError(f"The settings of {kind.__name__} cannot be used: {error}.") from error


def read_settings(path: Path) -> FitConfig | TranslationConfig:
    """Read the settings of `fit` from a TOML file: those of a translation where it names a `method`."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The settings file {path} cannot be read: {say_cause(error)}.") from error
    if "method" in values:
        return from_dict(TranslationConfig, {"preset": "custom", **values})
    return from_dict(FitConfig, values)
