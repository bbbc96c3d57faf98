"""Run a network: over batches of crops, or over images of any size, window by window, in bounded memory."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from crosslight.geometry import mirror_indices
from crosslight.represent.comir.device import is_low_precision, low_precision
from crosslight.represent.comir.intensity import Intensity
from crosslight.types import Float32, Image

WINDOW_PX = 1024  # computed at once, without the margin
MARGIN_PX = 64  # mirrored context around an image that is one window
SEAM_MARGIN_PX = 256  # context around each of several windows, so that they meet without a seam


def run_batch(network: nn.Module, intensity: Intensity, crops: Tensor, device: torch.device) -> Tensor:
    """Return the raw representations (N, C', h, w), float32, of crops (N, C, H, W) in [0, 1], as training sees them."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (intensity.mean, intensity.std))
    x = ((crops - mean) / std).to(device, memory_format=torch.channels_last)
    with low_precision(device):
        z: Tensor = network(x)
    return z.float()


@torch.inference_mode()
def run_network(network: nn.Module, intensity: Intensity, image: Image, device: torch.device) -> Float32:
    """Return the raw representation of one image.

    Parameters
    ----------
    network : Module
        In evaluation mode, with the attributes `stride` and `multiple_px`; called with a batch and its margin.
    image : Image
        Any size.

    Returns
    -------
    values : ndarray of shape (C, ceil(H / stride), ceil(W / stride)), float32
    """
    stride, multiple = int(network.stride), int(network.multiple_px)  # type: ignore[arg-type]
    height, width = image.height_px, image.width_px
    step = WINDOW_PX // multiple * multiple
    context = MARGIN_PX if max(height, width) <= step else SEAM_MARGIN_PX
    margin = -(-context // multiple) * multiple
    result: Float32 | None = None
    for top in range(0, height, step):
        for left in range(0, width, step):
            rows, cols = min(step, height - top), min(step, width - left)
            pixels = _read_window(image, top - margin, left - margin, rows + 2 * margin, cols + 2 * margin)
            window = _to_input(pixels, intensity, device)
            values = _run_window(network, window, margin, multiple, device)
            h, w = -(-rows // stride), -(-cols // stride)
            if result is None:
                result = np.empty((values.shape[0], -(-height // stride), -(-width // stride)), np.float32)
            r, c = top // stride, left // stride
            result[:, r : r + h, c : c + w] = values[:, :h, :w]
    assert result is not None
    return result


@torch.inference_mode()
def run_with_margin(
    network: nn.Module, intensity: Intensity, pixels: NDArray[Any], margin_px: int, device: torch.device
) -> Float32:
    """Return the raw representation of the middle of a window.

    Parameters
    ----------
    network : Module
        As for `run_network`.
    pixels : ndarray of shape (rows + 2 * margin_px, cols + 2 * margin_px, C)
        A window with its context. It starts on a multiple of the network's `multiple_px` of its image.
    margin_px : int
        A multiple of `multiple_px`.

    Returns
    -------
    values : ndarray of shape (C, ceil(rows / stride), ceil(cols / stride)), float32
    """
    stride, multiple = int(network.stride), int(network.multiple_px)  # type: ignore[arg-type]
    values = _run_window(network, _to_input(pixels, intensity, device), margin_px, multiple, device)
    h, w = (-(-(n - 2 * margin_px) // stride) for n in pixels.shape[:2])
    return values[:, :h, :w]


def _read_window(image: Image, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
    return image.pixels[mirror_indices(top, rows, image.height_px)][:, mirror_indices(left, cols, image.width_px)]


def _to_input(pixels: NDArray[Any], intensity: Intensity, device: torch.device) -> Tensor:
    """Return pixels (H, W, C) as the network reads them, (1, C, H, W), in the precision in which it runs."""
    if pixels.dtype != np.uint8:
        return torch.from_numpy(_normalise(pixels, intensity)).permute(2, 0, 1)[None]
    # a table of all values is several times faster, and gives the same
    every = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], pixels.shape[2], axis=2)
    table = torch.from_numpy(_normalise(every, intensity))
    if is_low_precision(device):  # two bytes a value, which cv2 looks up as whole numbers
        coded = cv2.LUT(np.ascontiguousarray(pixels), table.bfloat16().view(torch.int16).numpy())
        looked_up = torch.from_numpy(np.asarray(coded, np.int16)).view(torch.bfloat16)
    else:
        looked_up = torch.from_numpy(np.asarray(cv2.LUT(np.ascontiguousarray(pixels), table.numpy()), np.float32))
    return looked_up.reshape(pixels.shape).permute(2, 0, 1)[None]


def _normalise(pixels: NDArray[Any], intensity: Intensity) -> Float32:
    mean, std = (np.asarray(v, np.float32) for v in (intensity.mean, intensity.std))
    return ((intensity.unit(pixels) - mean) / std).astype(np.float32)


def _run_window(network: nn.Module, x: Tensor, margin_px: int, multiple: int, device: torch.device) -> Float32:
    """Return what a network makes of the middle of (1, C, H, W), and a little more where H or W had to be filled up."""
    rows, cols = x.shape[2:]
    if rows % multiple or cols % multiple:
        x = functional.pad(x, (0, -cols % multiple, 0, -rows % multiple), mode="replicate")
    x = x.to(device, memory_format=torch.channels_last)
    with low_precision(device):
        z: Tensor = network(x, margin_px)
    values: Float32 = z[0].float().cpu().numpy()
    return values
