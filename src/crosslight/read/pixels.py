"""What decoders hand over, and the conversions that all formats share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError, say_count

MAX_CHANNELS = 16
MAX_EXACT = 2**24  # float32 holds every whole number up to here


@dataclass(frozen=True, eq=False, kw_only=True)
class Decoded:
    """One decoded image.

    Attributes
    ----------
    pixels : ndarray of shape (H, W, C), any dtype
        As stored, expanded from palettes and bits.
    has_alpha : bool
        Whether the file calls the last channel alpha.
    opaque : float
        What that channel holds where the image is opaque.
    orientation : int
        EXIF orientation, 1 to 8; 1 is upright.
    mpp : float or None
        Micrometres per pixel.
    """

    pixels: NDArray[Any]
    has_alpha: bool = False
    opaque: float = 255
    orientation: int = 1
    mpp: float | None = None


def orient_pixels(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror (H, W, C) pixels as the EXIF orientation (1 to 8) asks; unknown values leave them."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def to_supported_dtype(pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return pixels as uint8, uint16 or float32.

    The dtype alone decides what comes out, not the values, so that all images of a folder come out alike.

    Raises
    ------
    InputError
        For NaN, infinite or complex pixels, and for whole numbers that float32 cannot hold exactly.
    """
    kind = pixels.dtype.kind
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype.newbyteorder("=") in (np.uint8, np.uint16):
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if kind in "iu":
        low, high = int(pixels.min()), int(pixels.max())
        if max(-low, high) > MAX_EXACT:
            raise InputError(
                f"{path} holds whole numbers from {low} to {high}; beyond 2^24 they cannot be kept exactly. "
                "Save it with 8 or 16 bits, or as 32-bit float."
            )
        return pixels.astype(np.float32)
    if kind != "f":
        raise InputError(f"{path} has pixels of type {pixels.dtype}; save it as whole numbers or 32-bit float.")
    with np.errstate(over="ignore"):
        values = pixels.astype(np.float32, copy=False)
    n_bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if n_bad:
        raise InputError(
            f"{path} holds NaN, infinite values or ones beyond 32-bit float ({say_count(n_bad, 'pixel value')}); "
            "replace them by numbers."
        )
    return values


def check_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    """Raise InputError for an empty image or one of more than `max_pixels`, before anything is decoded."""
    if height < 1 or width < 1:
        raise InputError(f"{path} is {width} x {height} px: it holds no pixels. Leave it out.")
    if height * width > max_pixels:
        raise InputError(
            f"{path} claims to be {width} x {height} px, more than the {max_pixels:,} pixels that are read at once; "
            "cut it into smaller images."
        )
