"""Micrometres per pixel, as TIFF files say it: resolution tags, ImageJ, OME-XML, Aperio."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import tifffile

COARSEST_MPP = 40.0  # 600 dpi is 42: resolutions coarser than this are those of print, screens and desktop scanners
MICROMETRES_PER_UNIT = {2: 25_400.0, 3: 10_000.0}  # TIFF ResolutionUnit: inch, centimetre
MICROMETRE_WORDS = ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre", "\\u00b5m")
MICROMETRES = {**dict.fromkeys(MICROMETRE_WORDS, 1.0), "nm": 1e-3, "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3,
               "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6, "angstrom": 1e-4}  # fmt: skip
APERIO = re.compile(r"\|\s*MPP\s*=\s*([0-9.]+)")
UNEVEN = 0.01  # pixels count as square up to here


def tiff_pixel_size(file: tifffile.TiffFile, page: Any) -> float | None:
    """Return micrometres per pixel of a page where the file gives square pixels finer than print."""
    if file.ome_metadata:
        size = ome_pixel_size(file.ome_metadata)
        if size is not None:
            return size
    found = APERIO.search(page.description or "")
    if found:
        return float(found.group(1)) or None
    x, y = page.tags.valueof("XResolution"), page.tags.valueof("YResolution")
    unit = (file.imagej_metadata or {}).get("unit")
    per_unit = MICROMETRES_PER_UNIT.get(int(page.tags.valueof("ResolutionUnit", default=2)))
    if isinstance(unit, str):  # ImageJ writes pixels per unit of its own
        per_unit = 1.0 if unit.lower() in MICROMETRE_WORDS else None
    if per_unit is None or not x or not y or 0 in (*x, *y):
        return None
    mpp = square(per_unit * x[1] / x[0], per_unit * y[1] / y[0])
    return mpp if mpp is not None and mpp <= COARSEST_MPP else None


def ome_pixel_size(xml: str) -> float | None:
    """Return micrometres per pixel of the first image of OME-XML."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    pixels = next((e for e in root.iter() if e.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return None
    sizes = []
    for axis in "XY":
        value, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm")
        factor = micrometres(unit)
        if value is None or factor is None:
            return None
        sizes.append(float(value) * factor)
    return square(*sizes)


def micrometres(unit: str) -> float | None:
    """Return how many micrometres a unit of length has, None for an unknown one."""
    return MICROMETRES.get(unit, MICROMETRES.get(unit.lower()))


def square(x: float, y: float) -> float | None:
    """Return the side of a square pixel, None where it is none."""
    return x if x > 0 and y > 0 and abs(x - y) <= UNEVEN * x else None
