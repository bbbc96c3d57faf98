"""One HTML file that holds everything it shows: to be opened, sent and kept without anything beside it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image as PillowImage

from crosslight.show import palette
from crosslight.show.raster import Rgb

JPEG_QUALITY = 88


@dataclass(frozen=True, eq=False, kw_only=True)
class Picture:
    """A picture with what it shows in words.

    Attributes
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
    alt : str
        For who cannot see it.
    caption : str
        Below it; may be empty.
    photograph : bool
        Stored as JPEG (small) instead of PNG (exact).
    """

    rgb: Rgb
    alt: str
    caption: str = ""
    photograph: bool = False

    @property
    def source(self) -> str:
        """The picture as a `data:` address."""
        return data_address(self.rgb, "JPEG" if self.photograph else "PNG")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of ready-made cells; a column whose name is in `numeric` is set flush right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False, kw_only=True)
class Section:
    """A part of a page, in this order: heading, paragraphs, pictures, table, commands."""

    heading: str
    paragraphs: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    table: Table | None = None
    commands: str = ""


def write_page(path: Path, title: str, sections: Sequence[Section], *, lead: str = "") -> None:
    """Write a self-contained page, light or dark as the reader's system is set.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made. A kill leaves the old file or the new one.
    title : str
        Heading of the page.
    sections : sequence of Section
        All text is escaped: none of it is read as HTML.
    lead : str
        One sentence under the title.
    """
    write_template(path, "page.html", title=title, lead=lead, sections=sections)


def write_template(path: Path, template: str, **values: Any) -> None:
    """Fill a template of this package and write it piece by piece, so that iterators among the values are used lazily.

    Everything is escaped, unless the template says otherwise; `colours` holds the palette. A kill leaves the old file
    or the new one.
    """
    environment = Environment(
        loader=PackageLoader("crosslight.show"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    colours = {name.lower(): palette.to_hex(getattr(palette, name)) for name in ("QUERY", "FOUND", "TRUTH", "WRONG")}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(environment.get_template(template).generate(colours=colours, **values))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def data_address(pixels: NDArray[np.uint8], kind: str) -> str:
    """Return a picture, (H, W, 3) or with opacity (H, W, 4), as a `data:` address; `kind` is JPEG, PNG or WEBP."""
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, format=kind, quality=JPEG_QUALITY, optimize=True)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
