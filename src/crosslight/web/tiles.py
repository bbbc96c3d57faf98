"""Deep zoom: tiles and parts of repository images, read from their files when they are looked at."""

from __future__ import annotations

import io
import math
import threading
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from crosslight.errors import InputError
from crosslight.pipeline.index import Index
from crosslight.read.image import read_image
from crosslight.read.kept import Kept
from crosslight.read.rescale import RescaledSource
from crosslight.read.source import SlideSource, make_overview
from crosslight.show.overlay import zoom_matrix
from crosslight.show.raster import Limits, Rgb, measure_limits, to_rgb
from crosslight.types import Entry, Float64, Image

TILE_PX = 256
JPEG_QUALITY = 88
CACHE_BYTES = 768 * 2**20
OVERVIEW_PX = 4096  # coarser levels of a large image are kept in memory


def encode_jpeg(rgb: Rgb) -> bytes:
    """Return a picture, (H, W, 3) uint8, as JPEG."""
    file = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(rgb)).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def encode_png(rgb: Rgb) -> bytes:
    """Return a picture, (H, W, 3) uint8, as PNG."""
    file = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(rgb)).save(file, "PNG", compress_level=3)
    return file.getvalue()


def max_level(height_px: int, width_px: int) -> int:
    """Return the number of the level with full resolution; level 0 is 1 x 1 pixel."""
    return math.ceil(math.log2(max(height_px, width_px, 1)))


class Pyramid:
    """The levels of one image, each made by halving the next larger one; `top` is the number of the first."""

    def __init__(self, rgb: Rgb, top: int) -> None:
        self._levels, self.top = [rgb], top
        self._lock = threading.Lock()
        self.size_bytes = rgb.nbytes * 4 // 3

    @property
    def full(self) -> Rgb:
        """The first level."""
        return self._levels[0]

    def tile(self, number: int, column: int, row: int) -> Rgb | None:
        """Return a tile of at most `TILE_PX` a side, or None where there is none."""
        if not 0 <= number <= self.top:
            return None
        level = self._level(number)
        tile = level[row * TILE_PX : (row + 1) * TILE_PX, column * TILE_PX : (column + 1) * TILE_PX]
        return tile if tile.size else None

    def _level(self, number: int) -> Rgb:
        with self._lock:
            while len(self._levels) <= self.top - number:
                height, width = self._levels[-1].shape[:2]
                size = (-(-width // 2), -(-height // 2))
                smaller = cv2.resize(self._levels[-1], size, interpolation=cv2.INTER_AREA)
                self._levels.append(np.asarray(smaller, dtype=np.uint8))
            return self._levels[self.top - number]


class LargePicture:
    """A large image: its coarse levels in memory, the fine ones read from its file."""

    def __init__(self, source: SlideSource) -> None:
        self.height_px, self.width_px = source.levels[0].height_px, source.levels[0].width_px
        self.max_level = max_level(self.height_px, self.width_px)
        top = min(self.max_level, math.floor(math.log2(OVERVIEW_PX)))
        pixels, _ = make_overview(source, OVERVIEW_PX)
        dtype = source.read_region(0, 0, 0, 1, 1).dtype
        if dtype.kind == "u":
            pixels = np.clip(np.rint(pixels), 0, np.iinfo(dtype).max)
        overview = Image(pixels=pixels.astype(dtype), name=source.name)
        self._limits: Limits = measure_limits(overview)
        d = 2 ** (self.max_level - top)
        size = (-(-self.width_px // d), -(-self.height_px // d))
        rgb = cv2.resize(to_rgb(overview, limits=self._limits), size, interpolation=cv2.INTER_AREA)
        self.overview = Pyramid(np.asarray(rgb, dtype=np.uint8), top)
        self.size_bytes = self.overview.size_bytes

    def tile(self, source: SlideSource, number: int, column: int, row: int) -> Rgb | None:
        """Return a tile of at most `TILE_PX` a side, or None where there is none."""
        if number <= self.overview.top:
            return self.overview.tile(number, column, row)
        d = 2 ** (self.max_level - number)
        rows = min(TILE_PX, -(-self.height_px // d) - row * TILE_PX)
        cols = min(TILE_PX, -(-self.width_px // d) - column * TILE_PX)
        if number > self.max_level or rows < 1 or cols < 1:
            return None
        return self.read(source, d, row * TILE_PX, column * TILE_PX, rows, cols)

    def read(self, source: SlideSource, reduction: float, top: int, left: int, rows: int, cols: int) -> Rgb:
        """Return a part at `reduction` full-resolution pixels per pixel, in the tones of the whole."""
        pixels = RescaledSource(source, reduction).read(top, left, rows, cols)
        return to_rgb(Image(pixels=pixels, name=source.name), limits=self._limits)


class Pictures:
    """Repository images to look at: the last ones used are kept, up to so many bytes."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept: Kept[Pyramid | LargePicture] = Kept(CACHE_BYTES, lambda picture: picture.size_bytes)
        self._reading = threading.Lock()  # one image at a time: memory stays bounded, sources are not shared

    def tile(self, entry: Entry, number: int, column: int, row: int) -> Rgb | None:
        """Return a tile, or None where there is none; raises InputError when the image's file has moved."""
        with self._reading:
            picture = self._open(entry)
            if isinstance(picture, LargePicture):
                return picture.tile(self._index.source(entry.name), number, column, row)
        return picture.tile(number, column, row)

    def part(self, entry: Entry, corners_xy: Float64, margin: float, max_px: int) -> tuple[Rgb, Float64]:
        """Return an image, of a large one only what lies around a window.

        Parameters
        ----------
        entry : Entry
            The image.
        corners_xy : ndarray of shape (4, 2)
            The window, full-resolution pixels.
        margin : float
            Of the window's extent, added on each side.
        max_px : int
            The part of a large image is read no larger than about this.

        Returns
        -------
        rgb : ndarray of shape (H, W, 3), uint8
        matrix : ndarray of shape (2, 3), float64
            From full-resolution pixels to those of `rgb`.
        """
        with self._reading:
            picture = self._open(entry)
            if isinstance(picture, Pyramid):
                return picture.full, zoom_matrix(0, 0, 1)
            low, high = corners_xy.min(axis=0), corners_xy.max(axis=0)
            extent = float((high - low).max()) * (1 + 2 * margin) + 1
            reduction = max(1.0, extent / max_px)
            first = np.floor(((low + high + 1 - extent) / 2) / reduction).astype(int)
            n = math.ceil(extent / reduction) + 1
            rgb = picture.read(self._index.source(entry.name), reduction, int(first[1]), int(first[0]), n, n)
        return rgb, zoom_matrix(first[0] * reduction, first[1] * reduction, 1 / reduction)

    def _open(self, entry: Entry) -> Pyramid | LargePicture:
        """Return an image from memory or its file; `self._reading` is held."""
        try:
            return self._kept.get((entry.name, entry.signature), partial(self._read, entry))
        except (InputError, OSError) as error:
            sentence = "its file has moved or changed since it was indexed; put it back, or add it again"
            raise InputError(f"The image {entry.name!r} cannot be shown: {sentence}.") from error

    def _read(self, entry: Entry) -> Pyramid | LargePicture:
        if entry.kind == "slide":
            return LargePicture(self._index.source(entry.name))
        image = read_image(Path(entry.path))  # not by the index: its store belongs to the worker
        if (image.height_px, image.width_px) != (entry.height_px, entry.width_px):
            raise InputError("Its size has changed.")
        return Pyramid(to_rgb(image), max_level(image.height_px, image.width_px))
