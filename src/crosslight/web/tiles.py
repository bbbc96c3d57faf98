"""Deep zoom: the tiles of repository images, cut from their files when they are looked at."""

from __future__ import annotations

import io
import math
import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from crosslight.errors import InputError
from crosslight.read.image import read_image
from crosslight.show.raster import Rgb, to_rgb
from crosslight.types import Entry, Image

TILE_PX = 256
JPEG_QUALITY = 88
CACHE_BYTES = 768 * 2**20


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
    """The levels of one image, each made by halving the next larger one."""

    def __init__(self, rgb: Rgb) -> None:
        self._levels = [rgb]
        self._lock = threading.Lock()
        self.size_bytes = rgb.nbytes * 4 // 3
        self.max_level = max_level(*rgb.shape[:2])

    @property
    def full(self) -> Rgb:
        """The image at full resolution."""
        return self._levels[0]

    def level(self, number: int) -> Rgb:
        """Return a level; `max_level` is full resolution."""
        with self._lock:
            while len(self._levels) <= self.max_level - number:
                height, width = self._levels[-1].shape[:2]
                size = (-(-width // 2), -(-height // 2))
                smaller = cv2.resize(self._levels[-1], size, interpolation=cv2.INTER_AREA)
                self._levels.append(np.asarray(smaller, dtype=np.uint8))
            return self._levels[self.max_level - number]

    def tile(self, number: int, column: int, row: int) -> Rgb | None:
        """Return a tile of at most `TILE_PX` a side, or None where there is none."""
        if not 0 <= number <= self.max_level or column < 0 or row < 0:
            return None
        level = self.level(number)
        tile = level[row * TILE_PX : (row + 1) * TILE_PX, column * TILE_PX : (column + 1) * TILE_PX]
        return tile if tile.size else None


class Pictures:
    """Decoded repository images and their pyramids: the last ones used, up to so many bytes."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._pyramids: OrderedDict[str, Pyramid] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # one image at a time, so that memory stays bounded

    def pyramid(self, entry: Entry) -> Pyramid:
        """Return the pyramid of an image; raises InputError when its file has moved or changed its size."""
        key = f"{entry.name}|{entry.signature}"
        with self._reading:
            with self._lock:
                if key in self._pyramids:
                    self._pyramids.move_to_end(key)
                    return self._pyramids[key]
            pyramid = Pyramid(to_rgb(read_entry(entry)))
            with self._lock:
                self._pyramids[key] = pyramid
                while len(self._pyramids) > 1 and self._size() > self._cache_bytes:
                    self._pyramids.popitem(last=False)
        return pyramid

    def _size(self) -> int:
        return sum(p.size_bytes for p in self._pyramids.values())


def read_entry(entry: Entry) -> Image:
    """Read a repository image from where it was indexed; its name in the index replaces that of the file."""
    try:
        image = read_image(Path(entry.path))
    except InputError as error:
        sentence = "its file has moved or changed since it was indexed; put it back, or add it again from its new place"
        raise InputError(f"The image {entry.name!r} cannot be shown: {sentence}.") from error
    if (image.height_px, image.width_px) != (entry.height_px, entry.width_px):
        raise InputError(f"The image {entry.name!r} has another size than when it was indexed; add it again.")
    return Image(pixels=image.pixels, name=entry.name, mpp=image.mpp)
