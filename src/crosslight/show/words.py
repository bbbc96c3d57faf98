"""Numbers as people read them."""

from __future__ import annotations


def say_share(share: float) -> str:
    """Return a probability in percent; only what is certain is 0% or 100%."""
    percent = f"{share:.0%}"
    if percent == "100%" and share < 1:
        return ">99%"
    return "<1%" if percent == "0%" and share > 0 else percent


def say_degrees(angle_deg: float) -> str:
    """Return an angle with its sign, as it is printed."""
    return f"{angle_deg:+.1f}°".replace("-", "\N{MINUS SIGN}")
