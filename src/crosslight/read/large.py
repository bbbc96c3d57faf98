"""Which images are read in regions, and opening them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as PillowImage

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.image import SLIDE_SUFFIXES, TIFF_SIGNATURES, is_zarr, read_image
from crosslight.read.ome_zarr import OmeZarrSource
from crosslight.read.raster import FORMATS, strict_pillow
from crosslight.read.slide import OpenSlideSource, is_vendor_slide
from crosslight.read.source import Level, SlideSource, check_region, make_levels
from crosslight.read.tiff import quiet_tifffile
from crosslight.read.tiled_tiff import TiledTiffSource, main_series
from crosslight.types import Image

LARGE_PX = 4096  # images with a longer side are read in regions
MAX_WHOLE_PIXELS = 2**28  # of a format that can only be decoded whole
SMALLEST_LEVEL_PX = 512
MAX_RESIZED = 4  # channels that cv2 averages at once


class WholeSource:
    """A PNG, JPEG, BMP or WebP file, which is decoded whole when it is opened."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        try:
            image = read_image(path, max_pixels=MAX_WHOLE_PIXELS)
        except UnreadableImageError:
            raise
        except InputError as error:
            if "read at once" not in str(error):
                raise
            raise InputError(f"{error} Or save it as a tiled, pyramidal TIFF, which is read in regions.") from error
        self.name, self.n_channels = image.name, image.n_channels
        self._pixels = [image.pixels]
        while max(self._pixels[-1].shape[:2]) > SMALLEST_LEVEL_PX:
            self._pixels.append(_halve(self._pixels[-1]))
        sizes = [(p.shape[0], p.shape[1]) for p in self._pixels]
        self.levels: Sequence[Level] = make_levels(sizes, image.mpp if mpp is None else mpp)

    def read_region(self, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels; see `SlideSource`."""
        check_region(self, level, top, left, rows, cols)
        return self._pixels[level][top : top + rows, left : left + cols]

    def close(self) -> None:
        """Let go of the pixels."""
        self._pixels.clear()


def _halve(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return every two by two pixels averaged; an odd last row or column is left out."""
    height, width = (max(1, n // 2) for n in pixels.shape[:2])
    even = pixels[: 2 * height, : 2 * width]
    parts = [
        cv2.resize(np.ascontiguousarray(even[:, :, c : c + MAX_RESIZED]), (width, height), interpolation=cv2.INTER_AREA)
        for c in range(0, pixels.shape[2], MAX_RESIZED)
    ]
    return np.concatenate([p.reshape(height, width, -1) for p in parts], axis=2)


def is_large(path: Path) -> bool:
    """Tell whether a file is a slide or a large image, looking at no more than its header.

    Files that cannot be read are not: the ordinary reader says what is wrong with them.
    """
    if is_zarr(path) or path.suffix.lower() in SLIDE_SUFFIXES:
        return True
    try:
        return max(_peek_size(path)) > LARGE_PX
    except Exception:
        return False


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in TIFF_SIGNATURES


def _peek_size(path: Path) -> tuple[int, int]:
    """Return (height, width) from a file's header; raises whatever the decoder raises."""
    if not _is_tiff(path):
        with strict_pillow, PillowImage.open(path, formats=FORMATS) as picture:
            return picture.height, picture.width
    with quiet_tifffile(), tifffile.TiffFile(path) as file:
        page = main_series(path, file).keyframe
        return int(page.imagelength), int(page.imagewidth)


def open_source(path: Path | str, *, mpp: float | None = None) -> SlideSource:
    """Open a large image of any known format.

    Parameters
    ----------
    path : Path
        A slide that OpenSlide reads, a TIFF or OME-TIFF file, an OME-Zarr folder, or any other image.
    mpp : float, optional
        Micrometres per pixel of the finest level, instead of what the file says.

    Raises
    ------
    MissingDependencyError
        If the format needs OpenSlide or zarr, and it is not installed.
    UnreadableImageError, InputError
        If the file is missing, damaged or of no known kind.
    """
    path = Path(path)
    if mpp is not None and not mpp > 0:
        raise InputError(f"mpp is {mpp}; give micrometres per pixel above 0.")
    if not path.exists():
        raise UnreadableImageError(f"{path} does not exist; check the name and the folder.")
    if is_zarr(path):
        return OmeZarrSource(path, mpp)
    if path.suffix.lower() in SLIDE_SUFFIXES:
        return OpenSlideSource(path, mpp)
    if path.is_dir() or not _is_tiff(path):
        return WholeSource(path, mpp)
    return OpenSlideSource(path, mpp) if is_vendor_slide(path) else TiledTiffSource(path, mpp)


def open_any(path: Path | str, *, mpp: float | None = None) -> SlideSource:
    """Open an image of any size: a large one in regions, any other decoded whole, as `read_image` does."""
    path = Path(path)
    return open_source(path, mpp=mpp) if is_large(path) else WholeSource(path, mpp)


def read_whole(source: SlideSource, level: int) -> Image:
    """Return one level of a source as an image."""
    size = source.levels[level]
    pixels = source.read_region(level, 0, 0, size.height_px, size.width_px)
    return Image(pixels=pixels, name=source.name, mpp=size.mpp)
