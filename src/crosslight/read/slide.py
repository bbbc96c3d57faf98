"""Whole-slide images, by OpenSlide: SVS, NDPI, MRXS, SCN, BIF, DICOM and what else it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError, MissingDependencyError, UnreadableImageError
from crosslight.read.source import Level, check_region

GENERIC = "generic-tiff"
WHITE = "FFFFFF"


class OpenSlideSource:
    """A slide that OpenSlide opens: 8-bit RGB, where nothing was scanned its background colour."""

    n_channels = 3

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        openslide = _import_openslide(path)
        try:
            self._slide = openslide.OpenSlide(str(path))
        except openslide.OpenSlideError as error:
            raise UnreadableImageError(
                f"{path} cannot be opened as a slide ({error}); check that it is whole and that the files that belong "
                "to it are beside it."
            ) from error
        self.name, self._path = path.stem, path
        properties = self._slide.properties
        mpp = _pixel_size(properties) if mpp is None else mpp
        pairs = zip(self._slide.level_dimensions, self._slide.level_downsamples, strict=True)
        self.levels: Sequence[Level] = tuple(
            Level(height_px=h, width_px=w, downsample=d, mpp=None if mpp is None else mpp * d) for (w, h), d in pairs
        )
        colour = properties.get("openslide.background-color") or WHITE
        self._background = np.frombuffer(bytes.fromhex(colour), np.uint8).astype(np.uint16)

    def read_region(self, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, 3) pixels, uint8; see `SlideSource`."""
        check_region(self, level, top, left, rows, cols)
        downsample = self.levels[level].downsample
        try:
            rgba: NDArray[np.uint8] = np.asarray(
                self._slide.read_region((round(left * downsample), round(top * downsample)), level, (cols, rows))
            )
        except Exception as error:  # OpenSlide's own, after which the slide stays closed
            raise UnreadableImageError(f"{self._path} is damaged near row {top}, column {left} ({error}).") from error
        alpha = rgba[:, :, 3:]
        if alpha.min() == 255:
            return np.ascontiguousarray(rgba[:, :, :3])
        mixed = rgba[:, :, :3].astype(np.uint16) * alpha + self._background * (255 - alpha.astype(np.uint16))
        opaque: NDArray[np.uint8] = ((mixed + 127) // 255).astype(np.uint8)
        return opaque

    def close(self) -> None:
        """Release the file."""
        self._slide.close()


def is_vendor_slide(path: Path) -> bool:
    """Tell whether OpenSlide, where it is installed, knows a TIFF file as a scanner's own kind."""
    try:
        openslide = _import_openslide(path)
    except MissingDependencyError:
        return False
    return openslide.OpenSlide.detect_format(str(path)) not in (None, GENERIC)


def _import_openslide(path: Path) -> Any:
    try:
        import openslide
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading {path} needs OpenSlide; install it with `pip install 'crosslight[slides]'`."
        ) from error
    return openslide


def _pixel_size(properties: Any) -> float | None:
    """Return micrometres per pixel of the finest level; refuses pixels that are not square."""
    try:
        x, y = (float(properties[f"openslide.mpp-{axis}"]) for axis in "xy")
    except (KeyError, ValueError):
        return None
    if not (x > 0 and y > 0):
        return None
    if abs(x - y) > 0.02 * x:
        raise InputError(f"The slide's pixels are {x} x {y} micrometres; only square pixels can be searched.")
    return (x + y) / 2
