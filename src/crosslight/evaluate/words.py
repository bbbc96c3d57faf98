"""Amounts as people read them."""

from __future__ import annotations


def say_bytes(size: int) -> str:
    """Return an amount of memory; nothing where it is not known."""
    if not size:
        return ""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def say_seconds(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
