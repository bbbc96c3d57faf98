"""Large TIFF files, OME-TIFF among them: tile by tile or strip by strip, from any of their levels."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.kept import Kept
from crosslight.read.pixel_size import tiff_pixel_size
from crosslight.read.pixels import MAX_CHANNELS, to_supported_dtype
from crosslight.read.source import Level, check_region, make_levels
from crosslight.read.tiff import ALPHA, CHANNEL_AXES, check_chain, expand_values, quiet_tifffile, squeeze_axes

CACHE_BYTES = 2**27  # decoded tiles kept: neighbouring windows share them
MAX_SEGMENT_BYTES = 2**28  # a tile or strip must be decoded whole
MAIN_SHARE = 0.25  # labels and overviews beside the slide are at most so large
JPEG_KINDS = (6, 7, 34892, 33007)


class TiledTiffSource:
    """A TIFF file read in regions; compressed or not, tiled or in strips, planar or interleaved."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        self.name, self._path = path.stem, path
        with quiet_tifffile():
            self._file = tifffile.TiffFile(path)
        try:
            with quiet_tifffile():
                check_chain(path, self._file)
                series = main_series(path, self._file)
                self._planes = [_open_plane(path, self._file, level) for level in series.levels]
                found = tiff_pixel_size(self._file, series.keyframe)
            self._page = series.keyframe
            self._check_kind()
        except BaseException:
            self._file.close()
            raise
        self.levels: Sequence[Level] = make_levels([p.size for p in self._planes], found if mpp is None else mpp)
        self.n_channels = int(self.read_region(0, 0, 0, 1, 1).shape[2])

    def _check_kind(self) -> None:
        orientation = int(self._page.tags.valueof("Orientation", default=1))
        if orientation != 1:
            raise InputError(f"{self._path} is stored turned (TIFF orientation {orientation}); save it upright.")

    def read_region(self, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels; see `SlideSource`."""
        check_region(self, level, top, left, rows, cols)
        try:
            pixels = self._planes[level].read(top, left, rows, cols)
        except InputError:
            raise
        except Exception as error:  # decoders raise whatever they like for a damaged file
            raise UnreadableImageError(f"{self._path} is damaged near row {top}, column {left} ({error}).") from error
        pixels = expand_values(self._path, pixels, self._page)
        if self._page.extrasamples and self._page.extrasamples[-1] in ALPHA and pixels.shape[2] > 1:
            pixels = pixels[:, :, :-1]
        if pixels.shape[2] > MAX_CHANNELS:
            raise InputError(f"{self._path} has {pixels.shape[2]} channels; 1 to {MAX_CHANNELS} can be read.")
        return np.ascontiguousarray(to_supported_dtype(pixels, self._path))

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def main_series(path: Path, file: tifffile.TiffFile) -> Any:
    """Return the one large image of a file, passing over labels and overviews; refuses several."""
    full = sorted((s for s in file.series if not s.keyframe.is_reduced), key=_area, reverse=True)
    if not full:
        raise UnreadableImageError(f"{path} holds no image; copy or export it again.")
    if len(full) > 1 and _area(full[1]) > MAIN_SHARE * _area(full[0]):
        raise InputError(f"{path} holds {len(full)} large images; save the one you mean as a file of its own.")
    return full[0]


def _area(series: Any) -> int:
    return int(series.keyframe.imagelength) * int(series.keyframe.imagewidth)


def _open_plane(path: Path, file: tifffile.TiffFile, series: Any) -> _Mapped | _Segmented:
    """Return what reads one level."""
    axes, shape = squeeze_axes(path, series)
    if series.dataoffset is not None:  # uncompressed and in one piece
        dtype = series.dtype.newbyteorder(file.byteorder)
        return _Mapped(np.memmap(path, dtype, "r", series.dataoffset, shape), axes)
    return _Segmented(path, file, series, axes, shape)


class _Mapped:
    """A level that lies uncompressed in the file, mapped into memory."""

    def __init__(self, values: NDArray[Any], axes: str) -> None:
        channel = next((axes.index(a) for a in axes if a in CHANNEL_AXES), None)
        self._values = values[:, :, None] if channel is None else np.moveaxis(values, channel, -1)
        self.size = self._values.shape[0], self._values.shape[1]

    def read(self, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return a region in memory."""
        return np.array(self._values[top : top + rows, left : left + cols])


class _Segmented:
    """A level stored in tiles or strips, one page or one page per channel."""

    def __init__(self, path: Path, file: tifffile.TiffFile, series: Any, axes: str, shape: tuple[int, ...]) -> None:
        self._path, self._file, self._keyframe = path, file, series.keyframe
        self._pages = list(series.pages)
        if any(page is None for page in self._pages):
            raise UnreadableImageError(f"{path} is cut off: a page is missing; copy or export it again.")
        k = self._keyframe
        self.size = int(k.imagelength), int(k.imagewidth)
        self._tile = (k.tilelength, k.tilewidth) if k.is_tiled else (min(k.rowsperstrip, self.size[0]), self.size[1])
        self._per_page = int(k.samplesperpixel)
        self._separate = int(k.planarconfig) == 2 and self._per_page > 1
        self._grid = tuple(-(-size // tile) for size, tile in zip(self.size, self._tile, strict=True))
        self._tiles: Kept[NDArray[Any]] = Kept(CACHE_BYTES, lambda tile: tile.nbytes)
        self._lock = threading.Lock()
        held = self._tile[0] * self._tile[1] * (1 if self._separate else self._per_page) * k.dtype.itemsize
        if k.imagedepth > 1 or held > MAX_SEGMENT_BYTES or len(self._pages) * self._per_page > MAX_CHANNELS + 1:
            raise InputError(
                f"{path} (axes {axes}, shape {shape}, stored in pieces of {self._tile[1]} x {self._tile[0]} px) cannot "
                "be read in regions; save it as a tiled, pyramidal TIFF."
            )

    def read(self, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return a region, decoding the tiles that it touches."""
        n_planes = self._per_page if self._separate else 1
        parts = []
        for page in range(len(self._pages)):
            for plane in range(n_planes):
                parts.append(self._read_plane(page, plane, top, left, rows, cols))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)

    def _read_plane(self, page: int, plane: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        height, width = self._tile
        n = 1 if self._separate else self._per_page
        region: NDArray[Any] = np.zeros((rows, cols, n), self._keyframe.dtype)
        for r in range(top // height, (top + rows - 1) // height + 1):
            for c in range(left // width, (left + cols - 1) // width + 1):
                tile = self._segment(page, (plane * self._grid[0] + r) * self._grid[1] + c)
                if tile is None:  # never written: zeros
                    continue
                y0, x0 = max(top, r * height), max(left, c * width)
                y1 = min(top + rows, r * height + tile.shape[0])
                x1 = min(left + cols, c * width + tile.shape[1])
                piece = tile[y0 - r * height : y1 - r * height, x0 - c * width : x1 - c * width]
                region[y0 - top : y1 - top, x0 - left : x1 - left] = piece
        return region

    def _segment(self, page_number: int, index: int) -> NDArray[Any] | None:
        """Return a decoded tile (h, w, n), or None where it was never written."""
        if self._pages[page_number].databytecounts[index] == 0:
            return None
        return self._tiles.get((page_number, index), partial(self._decode, self._pages[page_number], index))

    def _decode(self, page: Any, index: int) -> NDArray[Any]:
        count = page.databytecounts[index]
        with self._lock:
            handle = self._file.filehandle
            handle.seek(page.dataoffsets[index])
            data = handle.read(count)
        if len(data) < count:
            raise UnreadableImageError(f"{self._path} is cut off; copy or export it again.")
        options = {"jpegtables": page.jpegtables, "jpegheader": self._keyframe.jpegheader}
        chosen = options if self._keyframe.compression in JPEG_KINDS else {}
        decoded, _, shape = self._keyframe.decode(data, index, _fullsize=False, **chosen)
        assert decoded is not None  # which stands for no data at all
        tile: NDArray[Any] = np.asarray(decoded).reshape(shape)[0]
        return tile
