"""The colours of every picture and page, each with one meaning.

The four signal colours stay apart for readers with any of the usual colour deficiencies (Okabe and Ito 2008); where
right and wrong meet in one picture, words say which is which too.
"""

from __future__ import annotations

Colour = tuple[int, int, int]

QUERY: Colour = (0, 104, 178)  # what was asked with
FOUND: Colour = (245, 148, 0)  # where the program says it lies
TRUTH: Colour = (0, 150, 105)  # where it really lies; also "right"
WRONG: Colour = (214, 39, 40)  # an answer that is not the truth

PAPER: Colour = (255, 255, 255)
PANEL: Colour = (238, 240, 243)  # behind pictures that do not fill their box
HAIRLINE: Colour = (214, 219, 226)
INK: Colour = (24, 28, 34)
FAINT: Colour = (104, 112, 124)


def to_hex(colour: Colour) -> str:
    """Return ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
