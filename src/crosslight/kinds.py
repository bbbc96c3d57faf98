"""Whether a value read from TOML or JSON is of the kind that a setting asks for, and what that kind is called."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def is_kind(value: object, hint: Any) -> bool:
    """Tell whether a value fits a type: one of `WORDS`, a Literal, or a tuple of any length of one of these."""
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(is_kind(v, get_args(hint)[0]) for v in value)
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    return isinstance(value, (int, float) if hint is float else hint)


def say_kind(hint: Any) -> str:
    """Return what such a type is called."""
    if get_origin(hint) is tuple:
        return f"a list, each {say_kind(get_args(hint)[0])},"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    return WORDS.get(hint, "another kind of value")
