"""Background: where a large image shows nothing, found on an overview."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32

BRIGHT, DARK = 0.8, 0.06  # of the image's range: as bright as glass, as dark as an empty field
COLOURED = 0.06  # glass and empty fields differ less than this between channels
STRUCTURED = 0.015  # local standard deviation of what shows something
LOCAL_PX = 5


def find_background(overview: Float32) -> NDArray[np.bool_]:
    """Return which pixels of an overview show glass or an empty dark field.

    Those are flat, colourless, and lie at the bright or the dark end of the image's range. Land and sea, tissue and
    noise of a camera at mid-range are kept: a flat place in the middle of the range may be flat in one kind of image
    only.

    Parameters
    ----------
    overview : ndarray of shape (h, w, C), float32
        As stored.

    Returns
    -------
    background : ndarray of shape (h, w), bool
        Grown smaller by one pixel, so that the edge of what shows something stays. All False in an image without any
        range.
    """
    low, high = np.percentile(overview, (0.1, 99.9))
    if high <= low:
        return np.zeros(overview.shape[:2], np.bool_)
    values = np.clip((overview - low) / (high - low), 0, 1).astype(np.float32)
    top, bottom = values.max(axis=2), values.min(axis=2)
    colourless = top - bottom < COLOURED
    extreme = (bottom > BRIGHT) | (top < DARK)
    flat = _local_deviation(values.mean(axis=2)) < STRUCTURED
    background = (colourless & extreme & flat).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    shrunk: NDArray[np.bool_] = cv2.erode(background, kernel, borderType=cv2.BORDER_REPLICATE) > 0
    return shrunk


def _local_deviation(grey: Float32) -> Float32:
    size = (LOCAL_PX, LOCAL_PX)
    mean = cv2.blur(grey, size, borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(grey * grey, size, borderType=cv2.BORDER_REFLECT)
    return np.sqrt(np.maximum(square - mean * mean, 0)).astype(np.float32)


def empty_windows(background: NDArray[np.bool_], height_px: int, width_px: int, window_px: int) -> NDArray[np.bool_]:
    """Return which windows of a grid show background only.

    Parameters
    ----------
    background : ndarray of shape (h, w), bool
        Of the overview.
    height_px, width_px : int
        Size of the plane that the grid lies on.
    window_px : int
        Side of the square windows, which just touch; the first starts at the first pixel.

    Returns
    -------
    empty : ndarray of shape (ceil(height_px / window_px), ceil(width_px / window_px)), bool
    """
    h, w = background.shape
    empty = np.zeros((-(-height_px // window_px), -(-width_px // window_px)), np.bool_)
    for r, c in np.ndindex(*empty.shape):
        y0, y1 = (min(n, (r + k) * window_px) * h / height_px for k, n in ((0, height_px), (1, height_px)))
        x0, x1 = (min(n, (c + k) * window_px) * w / width_px for k, n in ((0, width_px), (1, width_px)))
        part = background[int(y0) : max(int(np.ceil(y1)), int(y0) + 1), int(x0) : max(int(np.ceil(x1)), int(x0) + 1)]
        empty[r, c] = bool(part.size) and bool(part.all())
    return empty
