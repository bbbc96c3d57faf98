"""A large image as if it had been taken at another pixel size: the one at which query and repository meet."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.read.source import SlideSource, choose_level, read_mirrored, reduce_whole

EVEN = 1e-3  # resampling by less than this is none
MAX_RESAMPLED = 4  # channels that cv2 resamples at once
CONTEXT_PX = 2  # read around a resampled region


class RescaledSource:
    """A view of a large image at `reduction` pixels of level 0 per pixel.

    What a pixel shows does not depend on the region it is read with: averages and interpolation follow one grid over
    the whole image.

    Parameters
    ----------
    source : SlideSource
        The image.
    reduction : float
        1 for level 0; 2 for half its resolution; below 1 for a finer grid than was scanned.

    Attributes
    ----------
    height_px, width_px : int
        Size of the view.
    level : int
        The level that is read.
    """

    def __init__(self, source: SlideSource, reduction: float = 1.0) -> None:
        self.source, self.reduction = source, reduction
        full = source.levels[0]
        self.height_px = max(1, int(full.height_px / reduction + 1e-6))
        self.width_px = max(1, int(full.width_px / reduction + 1e-6))
        self.level = choose_level(source, reduction)
        factor = reduction / source.levels[self.level].downsample
        self._box = max(1, int(factor + EVEN))  # averaged first, against aliasing
        rest = factor / self._box
        self._rest = 1.0 if abs(rest - 1) < EVEN else rest

    def read(self, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels from any place; what lies outside is mirrored at the image's edge.

        uint8 and uint16 stay what they are, rounded; float32 stays float32.
        """
        if self._rest == 1.0:
            return self._averaged(top, left, rows, cols)
        first = [int(np.floor((n + 0.5) * self._rest - 0.5)) - CONTEXT_PX for n in (top, left)]
        counts = [int(np.ceil(n * self._rest)) + 2 * CONTEXT_PX + 2 for n in (rows, cols)]
        part = self._averaged(*first, *counts)
        offsets = [(n + 0.5) * self._rest - 0.5 - f for n, f in zip((top, left), first, strict=True)]
        matrix = np.array([[self._rest, 0, offsets[1]], [0, self._rest, offsets[0]]])
        pieces = [
            cv2.warpAffine(
                np.ascontiguousarray(part[:, :, c : c + MAX_RESAMPLED], np.float32), matrix, (cols, rows),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
            ).reshape(rows, cols, -1)
            for c in range(0, part.shape[2], MAX_RESAMPLED)
        ]  # fmt: skip
        return _like(np.concatenate(pieces, axis=2), part.dtype)

    def close(self) -> None:
        """Close the image."""
        self.source.close()

    def _averaged(self, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return squares of `box` pixels of the level, averaged."""
        b = self._box
        pixels = read_mirrored(self.source, self.level, top * b, left * b, rows * b, cols * b)
        return pixels if b == 1 else _like(reduce_whole(pixels, b), pixels.dtype)


def _like(values: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
    return values if dtype.kind == "f" else np.rint(values).astype(dtype)


def resample_pixels(pixels: NDArray[Any], factor: float) -> NDArray[Any]:
    """Return (H, W, C) pixels at `factor` times the size: averaged when smaller, interpolated when larger."""
    if abs(factor - 1) < EVEN:
        return pixels
    height, width = (max(1, round(n * factor)) for n in pixels.shape[:2])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    values = [
        cv2.resize(
            np.ascontiguousarray(pixels[:, :, c : c + MAX_RESAMPLED], np.float32), (width, height), interpolation=how
        ).reshape(height, width, -1)
        for c in range(0, pixels.shape[2], MAX_RESAMPLED)
    ]
    result = np.concatenate(values, axis=2)
    if pixels.dtype.kind == "u":
        result = np.clip(result, 0, np.iinfo(pixels.dtype).max)
    return _like(result.astype(np.float32), pixels.dtype)
