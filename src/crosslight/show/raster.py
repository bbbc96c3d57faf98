"""Any image or representation as 8-bit RGB, for people to look at."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float32, Float64, Image, Representation

Rgb = NDArray[np.uint8]
Limits = Float64  # (C, 2): the values shown as black and as full brightness

SHOWN_SHARE = (0.5, 99.5)  # percentiles that span the display range of anything but 8-bit colour
MAX_SAMPLES_PX = 1024  # percentiles are taken from at most about so many rows and columns
MAX_RESIZED = 4  # channels that cv2.resize averages at once
SHOWN_DEVIATIONS = 2.5  # of a representation, on either side of its mean
# Lightness, red against green, yellow against blue: how three components become colours.
OPPONENTS: Float64 = np.array([[1, 1, 1], [0.6, -0.6, 0], [0.3, 0.3, -0.6]])


def measure_limits(image: Image) -> Limits:
    """Return what `to_rgb` shows as black and as full brightness.

    Returns
    -------
    limits : ndarray of shape (C, 2), float64
        0 and 255 for 8-bit images of 1, 3 or 4 channels; otherwise the 0.5 and 99.5 percentiles, of all channels
        together for 3 and 4 channels (so that colours stay true) and of each on its own else.
    """
    n = image.n_channels
    if image.pixels.dtype == np.uint8 and n in (1, 3, 4):
        return np.tile([0.0, 255.0], (n, 1))
    step = max(1, min(image.height_px, image.width_px) // MAX_SAMPLES_PX)
    sample = image.pixels[::step, ::step].astype(np.float64)
    if n in (3, 4):
        return np.tile(np.percentile(sample[:, :, :3], SHOWN_SHARE), (n, 1))
    return np.percentile(sample, SHOWN_SHARE, axis=(0, 1)).T.reshape(n, 2)


def to_rgb(image: Image, *, max_px: int | None = None, limits: Limits | None = None) -> Rgb:
    """Render any image for the screen.

    One channel is grey; three and four show the first three as red, green and blue; two are green and magenta; five
    and more are added up, each in its own hue around the colour wheel.

    Parameters
    ----------
    image : Image
        1 to 16 channels, uint8, uint16 or float32.
    max_px : int, optional
        Longest side of the result; a larger image is shrunk by averaging, a smaller one is left.
    limits : ndarray of shape (C, 2), optional
        From `measure_limits`, where a part shall look like its whole.

    Returns
    -------
    rgb : ndarray of shape (H, W, 3), uint8
    """
    limits = measure_limits(image) if limits is None else limits
    pixels = image.pixels if max_px is None else _shrink(image.pixels, max_px)
    if pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3, 4):
        return np.ascontiguousarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3])
    low, high = limits[:, 0], limits[:, 1]
    span = np.where(high > low, high - low, 1.0)
    values = (pixels.astype(np.float32) - low.astype(np.float32)) / span.astype(np.float32)
    values[:, :, high <= low] = 0.5  # a flat channel: mid-grey rather than an arbitrary extreme
    values = np.clip(values, 0, 1)
    if values.shape[2] == 1:
        colours = np.repeat(values, 3, axis=2)
    elif values.shape[2] in (3, 4):
        colours = values[:, :, :3]
    else:
        colours = values @ channel_colours(values.shape[2])
    return np.clip(np.rint(colours * 255), 0, 255).astype(np.uint8)


def channel_colours(n_channels: int) -> Float32:
    """Return the colours in which the channels of a many-channel image are added up: (C, 3) in [0, 1]."""
    if n_channels == 2:
        return np.array([[0, 1, 0], [1, 0, 1]], np.float32)
    wheel = np.array([colorsys.hsv_to_rgb(i / n_channels, 1, 1) for i in range(n_channels)], np.float32)
    return np.asarray(wheel / wheel.sum(axis=0).max(), dtype=np.float32)


def make_thumbnail(image: Image, size_px: int) -> Rgb:
    """Return the image as RGB with its longest side at most `size_px`."""
    return to_rgb(image, max_px=size_px)


def default_colours(n_channels: int) -> Float64:
    """Return the fixed (3, C) projection to colours: the same for every image, so that equal values look equal.

    One channel is grey and three are red, green and blue; any other number is projected on the first rows of the
    discrete cosine basis, shown as lightness, red-green and yellow-blue.
    """
    if n_channels == 1:
        return np.ones((3, 1))
    if n_channels == 3:
        return np.eye(3)
    k = (np.arange(n_channels) + 0.5) / n_channels
    basis = np.stack([np.cos(np.pi * r * k) for r in range(min(3, n_channels))])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    return np.asarray(OPPONENTS[: len(basis)].T @ basis)


def measure_colours(representations: Sequence[Representation]) -> Float64:
    """Return the (3, C) projection that shows most of what varies in these representations.

    Their principal components become lightness, red-green and yellow-blue, each brought to the same contrast (but at
    most doubled against the first). Measured over both modalities at once, so that a pair is coloured alike.
    """
    n_channels = representations[0].n_channels
    if n_channels == 1:
        return default_colours(1)
    values = np.concatenate([r.values.reshape(n_channels, -1)[:, ::7] for r in representations], axis=1)
    variances, directions = np.linalg.eigh(np.cov(values.astype(np.float64)))
    order = np.argsort(variances)[::-1][:3]
    deviations = np.sqrt(np.maximum(variances[order], 1e-12))
    basis = directions[:, order].T
    basis *= np.where(basis.sum(axis=1) < 0, -1.0, 1.0)[:, None]  # an eigenvector's sign is arbitrary
    basis /= np.maximum(deviations, deviations[0] / 2)[:, None]
    return np.asarray(OPPONENTS[: len(basis)].T @ basis)


def representation_to_rgb(representation: Representation, colours: Float64 | None = None) -> Rgb:
    """Show a representation: its mean is mid-grey.

    Parameters
    ----------
    representation : Representation
        Any number of channels.
    colours : ndarray of shape (3, C), optional
        From `measure_colours`; `default_colours` otherwise.

    Returns
    -------
    rgb : ndarray of shape (h, w, 3), uint8
        On the representation's own grid, one pixel per value.
    """
    colours = default_colours(representation.n_channels) if colours is None else colours
    mixed = np.einsum("kc,chw->hwk", colours.astype(np.float32), representation.values)
    shown: Rgb = np.clip(np.rint(127.5 + mixed * (127.5 / SHOWN_DEVIATIONS)), 0, 255).astype(np.uint8)
    return shown


def _shrink(pixels: NDArray[Any], max_px: int) -> NDArray[Any]:
    """Average the pixels down until the longest side is `max_px`."""
    height, width = pixels.shape[:2]
    factor = max_px / max(height, width)
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    parts = [
        cv2.resize(pixels[:, :, c : c + MAX_RESIZED], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
        for c in range(0, pixels.shape[2], MAX_RESIZED)
    ]
    return np.concatenate(parts, axis=2)
