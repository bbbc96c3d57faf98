"""TIFF, by tifffile: planar and interleaved channels, palettes, alpha, pixel size."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from crosslight.errors import InputError, UnreadableImageError
from crosslight.read.pixel_size import tiff_pixel_size
from crosslight.read.pixels import Decoded, check_size

CHANNEL_AXES = "SC"  # samples of a pixel; channels
ALPHA = (1, 2)  # TIFF ExtraSamples: associated, unassociated
GREY_INVERTED, GREY, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6  # TIFF PhotometricInterpretation


def decode_tiff(path: Path, max_pixels: int) -> Decoded:
    """Decode a TIFF file; see `read_image`. Damaged files raise whatever the decoder raises."""
    with quiet_tifffile(), tifffile.TiffFile(path) as file:
        check_chain(path, file)
        series = _only_series(path, file)
        page = series.keyframe
        _check_tags(path, file, page)
        axes, shape = squeeze_axes(path, series)
        sizes = dict(zip(axes, shape, strict=True))
        check_size(path, sizes["Y"], sizes["X"], max_pixels)
        _check_whole(path, series)
        pixels = series.asarray().reshape(shape)
        channel = next((axes.index(a) for a in axes if a in CHANNEL_AXES), None)
        pixels = pixels[:, :, None] if channel is None else np.moveaxis(pixels, channel, -1)
        pixels = expand_values(path, pixels, page)
        return Decoded(
            pixels=pixels,
            has_alpha=bool(page.extrasamples) and page.extrasamples[-1] in ALPHA,
            opaque=1.0 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1,
            orientation=int(page.tags.valueof("Orientation", default=1)),
            mpp=tiff_pixel_size(file, page),
        )


@contextmanager
def quiet_tifffile() -> Iterator[None]:
    """Keep what tifffile logs of this thread's file off the screen: what matters of it is raised."""
    thread, logger = threading.get_ident(), logging.getLogger("tifffile")

    def is_elsewhere(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(is_elsewhere)
    try:
        yield
    finally:
        logger.removeFilter(is_elsewhere)


def check_chain(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse a file whose last readable page points to a further one: the decoder would leave out the rest."""
    position = file.pages.next_page_offset
    data = b""
    if position is not None:
        file.filehandle.seek(position)
        data = file.filehandle.read(file.tiff.offsetsize)
    if len(data) < file.tiff.offsetsize or any(data):
        raise UnreadableImageError(f"{path} is cut off: a page is missing; copy or export it again.")


def _check_tags(path: Path, file: tifffile.TiffFile, page: Any) -> None:
    """Refuse a page with unreadable tags: the decoder would take the usual values in their place."""
    file.filehandle.seek(page.offset)
    size = file.tiff.tagnosize
    n_tags = int.from_bytes(file.filehandle.read(size), "little" if file.byteorder == "<" else "big")
    if len(page.tags) < n_tags:
        raise UnreadableImageError(
            f"{path} is cut off: {n_tags - len(page.tags)} of its {n_tags} tags are missing; copy or export it again."
        )


def _only_series(path: Path, file: tifffile.TiffFile) -> Any:
    """Return the one full image; refuses several, passing over thumbnails and smaller levels."""
    full = [s for s in file.series if not s.keyframe.is_reduced]
    if not full:
        raise UnreadableImageError(f"{path} holds no image; copy or export it again.")
    if len(full) > 1:
        raise InputError(f"{path} holds {len(full)} images; save the one you mean as a file of its own.")
    return full[0]


def squeeze_axes(path: Path, series: Any) -> tuple[str, tuple[int, ...]]:
    """Return axes and shape of a series without axes of length 1; refuses all but rows, columns and channels."""
    kept = [(a, int(n)) for a, n in zip(series.axes, series.shape, strict=True) if n != 1 or a in "YX"]
    axes = "".join(a for a, _ in kept)
    others = [(a, n) for a, n in kept if a not in "YX" + CHANNEL_AXES]
    if others or len([a for a in axes if a in CHANNEL_AXES]) > 1:
        pages = len(series.pages)
        raise InputError(
            f"{path} is a stack of {pages} pages with shape {tuple(series.shape)} (axes {series.axes}); give one image "
            "of rows, columns and channels, saved interleaved, planar, or with axes CYX."
        )
    if sorted(a for a in axes if a in "YX") != ["X", "Y"]:
        raise InputError(f"{path} has the axes {series.axes}; an image needs rows (Y) and columns (X).")
    return axes, tuple(n for _, n in kept)


def _check_whole(path: Path, series: Any) -> None:
    """Refuse a file that ends before its pixels do: the decoder would fill the rest with zeros."""
    size = path.stat().st_size
    for page in series.pages:
        if page is None:
            raise UnreadableImageError(f"{path} is cut off: a page is missing; copy or export it again.")
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if not ends or max(ends) > size or min(page.databytecounts) == 0:
            raise UnreadableImageError(
                f"{path} is cut off or has gaps: its pixels go on to byte {max(ends, default=0)} and the file has "
                f"{size}; copy or export it again."
            )


def expand_values(path: Path, pixels: NDArray[Any], page: Any) -> NDArray[Any]:
    """Turn palettes and inverted greys into values; pixels are (H, W, C)."""
    photometric = int(page.photometric)
    if photometric == PALETTE and page.colormap is not None:
        colours: NDArray[np.uint16] = np.asarray(page.colormap).T  # (2^bits, 3)
        table: NDArray[Any] = (colours >> 8).astype(np.uint8) if pixels.dtype == np.uint8 else colours
        expanded: NDArray[Any] = table[pixels[:, :, 0]]
        return expanded
    if photometric == GREY_INVERTED:
        if pixels.dtype.kind == "b":
            return ~pixels
        return np.iinfo(pixels.dtype).max - pixels if pixels.dtype.kind == "u" else pixels
    if photometric not in (GREY, RGB, YCBCR):
        name = getattr(page.photometric, "name", photometric)
        raise InputError(f"{path} has the colour mode {name}; save it as grey or RGB.")
    return pixels
