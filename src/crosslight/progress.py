"""The one progress hook: a loop calls ``progress(done, total, label)``, whoever listens shows it."""

from __future__ import annotations


def silent(done: float, total: float, label: str) -> None:
    """Show nothing: the default of every library call."""
