"""PNG, JPEG, BMP and WebP, by Pillow; 16-bit PNG by imagecodecs, since Pillow halves its colours."""

from __future__ import annotations

import threading
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFile, UnidentifiedImageError
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.pixels import Decoded, check_size

FORMATS = [plugin.format for plugin in (BmpImageFile, JpegImageFile, PngImageFile, WebPImageFile)]
KEPT_MODES = ("L", "LA", "RGB", "RGBA")
EXIF_ORIENTATION = 274
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_HEADER_BYTES = 26  # up to the colour type
PNG_ALPHA_TYPES = (4, 6)


def decode_raster(path: Path, max_pixels: int) -> Decoded:
    """Decode a file that is not a TIFF; see `read_image`. Damaged files raise whatever the decoder raises."""
    try:
        with strict_pillow, PillowImage.open(path, formats=FORMATS) as file:
            check_size(path, file.height, file.width, max_pixels)
            _check_pages(path, file)
            orientation = int(file.getexif().get(EXIF_ORIENTATION, 1))
            if _is_png_16(path):
                return _decode_png_16(path, orientation)
            picture = _expand(path, file)
            pixels = np.asarray(picture)
    except UnidentifiedImageError as error:
        raise UnreadableImageError(
            f"{path} is not a readable image: what it holds is not PNG, JPEG, TIFF, BMP or WebP, or its start is "
            "damaged. Check that it is not another file with the wrong name."
        ) from error
    has_alpha = picture.mode in ("LA", "RGBA")
    return Decoded(pixels=np.atleast_3d(pixels), has_alpha=has_alpha, orientation=orientation)


class _StrictPillow:
    """Keeps other code's settings of Pillow out: no silence on cut-off files, and our own limit of pixels.

    Both are global in Pillow: the first of several threads changes them and the last one puts them back.
    """

    def __init__(self) -> None:
        self._lock, self._n_inside = threading.Lock(), 0
        self._before: tuple[bool, int | None] = (False, None)

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._before = ImageFile.LOAD_TRUNCATED_IMAGES, PillowImage.MAX_IMAGE_PIXELS
                ImageFile.LOAD_TRUNCATED_IMAGES, PillowImage.MAX_IMAGE_PIXELS = False, None
            self._n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                ImageFile.LOAD_TRUNCATED_IMAGES, PillowImage.MAX_IMAGE_PIXELS = self._before


strict_pillow = _StrictPillow()


def _check_pages(path: Path, picture: PillowImage.Image) -> None:
    """Refuse animations. A phone's MPO holds a photograph and its previews: the first is read."""
    n_pages = int(getattr(picture, "n_frames", 1))
    if n_pages > 1 and picture.format != "MPO":
        raise InputError(f"{path} holds {n_pages} images; save the one you mean as a file of its own.")


def _expand(path: Path, picture: PillowImage.Image) -> PillowImage.Image:
    """Decode, and turn palettes and single bits into values."""
    if picture.mode in ("P", "PA"):
        return picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in ("L", "RGB") and "transparency" in picture.info:
        return picture.convert("LA" if picture.mode == "L" else "RGBA")
    if picture.mode not in KEPT_MODES:
        raise InputError(f"{path} has the colour mode {picture.mode}; save it as grey or RGB.")
    picture.load()
    return picture


def _is_png_16(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(PNG_HEADER_BYTES)
    return start.startswith(PNG_START) and start[24] == 16


def _decode_png_16(path: Path, orientation: int) -> Decoded:
    data = path.read_bytes()
    pixels = np.atleast_3d(np.asarray(imagecodecs.png_decode(data)))
    return Decoded(pixels=pixels, has_alpha=data[25] in PNG_ALPHA_TYPES, opaque=65535, orientation=orientation)
