"""A white sheet to lay pictures and words on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from crosslight.show.formats import check_picture
from crosslight.show.palette import HAIRLINE, INK, PANEL, PAPER, Colour
from crosslight.show.raster import Rgb

ELLIPSIS = "…"


@cache
def load_font(size_px: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which comes with matplotlib and knows the letters of most languages."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size_px)


def text_width(text: str, size_px: int, *, bold: bool = False) -> float:
    """Return how wide a line of text is, in pixels."""
    return load_font(size_px, bold).getlength(text)


def shorten(text: str, width_px: float, size_px: int, *, bold: bool = False) -> str:
    """Leave out the middle of a line that is too wide; names differ at their ends more often than in between."""
    if text_width(text, size_px, bold=bold) <= width_px:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shortened = text[: (kept + 1) // 2] + ELLIPSIS + text[len(text) - kept // 2 :]
        if text_width(shortened, size_px, bold=bold) <= width_px:
            return shortened
    return ELLIPSIS


def fit(rgb: Rgb, width_px: int, height_px: int) -> Rgb:
    """Scale a picture, its shape kept, until it just fits into a box."""
    height, width = rgb.shape[:2]
    factor = min(width_px / width, height_px / height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8)


class Canvas:
    """A sheet of paper; x goes right, y goes down, sizes are in pixels."""

    def __init__(self, width_px: int, height_px: int, background: Colour = PAPER) -> None:
        self.picture = PillowImage.new("RGB", (width_px, height_px), background)
        self._draw = ImageDraw.Draw(self.picture)

    def paste(self, rgb: Rgb, x: int, y: int) -> None:
        """Lay a picture down with its top-left corner at (x, y)."""
        self.picture.paste(PillowImage.fromarray(rgb), (x, y))

    def panel(self, rgb: Rgb, x: int, y: int, width_px: int, height_px: int) -> None:
        """Lay a picture in the middle of a box, over a quiet background."""
        self._draw.rectangle((x, y, x + width_px - 1, y + height_px - 1), fill=PANEL, outline=HAIRLINE)
        fitted = fit(rgb, width_px, height_px)
        self.paste(fitted, x + (width_px - fitted.shape[1]) // 2, y + (height_px - fitted.shape[0]) // 2)

    def text(
        self, x: float, y: float, text: str, size_px: int, colour: Colour = INK, *, bold: bool = False,
        anchor: str = "la", width_px: float | None = None,
    ) -> None:  # fmt: skip
        """Write one line; `anchor` as in Pillow ("la": left, top of the letters), `width_px` shortens it."""
        line = " ".join(text.split())
        line = line if width_px is None else shorten(line, width_px, size_px, bold=bold)
        self._draw.text((x, y), line, fill=colour, font=load_font(size_px, bold), anchor=anchor)

    def bar(self, x: int, y: int, width_px: int, height_px: int, share: float, colour: Colour) -> None:
        """Draw a gauge filled to `share` of its width."""
        radius = height_px // 2
        self._draw.rounded_rectangle((x, y, x + width_px, y + height_px), radius, fill=HAIRLINE)
        filled = round(width_px * min(1.0, max(0.0, share)))
        if filled >= height_px:
            self._draw.rounded_rectangle((x, y, x + filled, y + height_px), radius, fill=colour)
        elif filled > 0:
            self._draw.ellipse((x, y, x + height_px, y + height_px), fill=colour)

    def rule(self, x: int, y: int, width_px: int) -> None:
        """Draw a thin horizontal line."""
        self._draw.line((x, y, x + width_px, y), fill=HAIRLINE, width=2)

    def to_rgb(self) -> Rgb:
        """Return the sheet as an array of shape (H, W, 3), uint8."""
        return np.asarray(self.picture, dtype=np.uint8)

    def save(self, path: Path) -> None:
        """Write the sheet; see `save_picture`."""
        save_picture(self.to_rgb(), path)


def save_picture(rgb: Rgb, path: Path) -> None:
    """Write a picture, (H, W, 3) or grey (H, W), in the format that its name asks for, all at once or not at all.

    Raises
    ------
    InputError
        If the suffix is none of .png, .jpg, .jpeg, .webp, .tif, .tiff.
    """
    kind = check_picture(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    options = {"quality": 90} if kind in ("JPEG", "WEBP") else {"compression": "tiff_deflate"} if kind == "TIFF" else {}
    PillowImage.fromarray(rgb).save(temporary, format=kind, **options)
    temporary.replace(path)
