"""Training batches: aligned crops at any angle, then changes of tone that differ between the two modalities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.config import AugmentConfig
from crosslight.geometry import rotation_matrix, warp_window
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.mining import Confusion
from crosslight.types import Float32, Float64, Pair

JITTER_PX = 12.0  # by how much a confused window's crop may lie beside it


def crop_matrix(height_px: int, width_px: int, size_px: int, rng: np.random.Generator, zoom: float = 1.0) -> Float64:
    """Return the 2 x 3 matrix from crop (x, y) to image (x, y) of a random crop: any place, angle and handedness.

    The crop lies wholly inside where the image is large enough for its angle; otherwise it is centred as well as it
    can be and the border is mirrored. A crop shows things up to `zoom` times larger or smaller than they are.
    """
    angle = rng.uniform(0, 2 * math.pi)
    size = math.exp(rng.uniform(-1, 1) * math.log(zoom)) if zoom > 1 else 1.0
    c, s = size * math.cos(angle), size * math.sin(angle)
    half = (size_px - 1) / 2 * (abs(c) + abs(s))
    center = [
        rng.uniform(half, side - 1 - half) if side - 1 > 2 * half else rng.uniform(0.45, 0.55) * (side - 1)
        for side in (width_px, height_px)
    ]
    flip = -1.0 if rng.random() < 0.5 else 1.0
    linear = np.array([[c * flip, s], [-s * flip, c]])
    offset = np.array(center) - linear @ np.full(2, (size_px - 1) / 2)
    return np.hstack([linear, offset[:, None]])


def sample_batch(
    pairs: Sequence[Pair],
    moves: Float64,
    intensities: tuple[Intensity, Intensity],
    config: AugmentConfig,
    rng: np.random.Generator,
    confusions: Sequence[Confusion] = (),
) -> tuple[Tensor, Tensor]:
    """Cut one crop of each kind per move, from as many different pairs as there are.

    Parameters
    ----------
    moves : ndarray of shape (N, 3, 3), float64
        From the (x, y) of each crop of B to the (x, y) of its partner, see `moves`.
    confusions : sequence of Confusion
        At most N / 2 of `pairs`: the first crops show each, and the place it is taken for.

    Returns
    -------
    a, b : Tensor of shape (N, C, size, size), float32
        In [0, 1].
    """
    n_pairs, size = len(moves), config.crop_px
    order = np.concatenate([rng.permutation(len(pairs)) for _ in range(-(-n_pairs // len(pairs)))])[:n_pairs]
    crops: tuple[list[Float32], list[Float32]] = ([], [])
    places: list[tuple[int, Float64]] = []
    for index in map(int, order):
        image = pairs[index].a
        places.append((index, crop_matrix(image.height_px, image.width_px, size, rng, config.zoom)))
    for k, confusion in enumerate(confusions):
        places[2 * k : 2 * k + 2] = _confused_places(confusion, places[2 * k][1], size, rng)
    for (index, matrix), move in zip(places, moves, strict=True):
        pair = pairs[index]
        for side, (image, place) in enumerate(((pair.a, matrix), (pair.b, matrix @ move))):
            crops[side].append(intensities[side].unit(warp_window(image.pixels, place, size, size)))
    # (N, H, W, C) seen as (N, C, H, W) is the memory order that convolutions like best
    a, b = (torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) for part in crops)
    return a, b


def _confused_places(
    confusion: Confusion, matrix: Float64, size_px: int, rng: np.random.Generator
) -> list[tuple[int, Float64]]:
    """Return pair and matrix of two crops that show a window and its rival in the same place, as `matrix` is turned."""
    linear = matrix[:, :2]
    turned = rotation_matrix(90 * confusion.quarters) @ linear
    corner = rng.uniform(-JITTER_PX, JITTER_PX, 2) - (size_px - 1) / 2
    window, rival = np.array([confusion.x, confusion.y]), np.array([confusion.rival_x, confusion.rival_y])
    return [
        (confusion.pair, np.column_stack([linear, window + linear @ corner])),
        (confusion.rival, np.column_stack([turned, rival + turned @ corner])),
    ]


def change_tones(x: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, tone curve and the channels' strengths of each crop, blur some, add noise.

    `x` has shape (N, C, H, W) and lies in [0, 1]; the result may leave it a little. The curve is x + g x (1 - x).
    """
    n = x.shape[0]

    def uniform(half_width: float) -> Tensor:
        return (torch.rand((n, 1, 1, 1), generator=generator) * 2 - 1) * half_width

    x = torch.addcmul(x, x * uniform(config.gamma), 1 - x)
    gain = torch.exp(uniform(config.contrast))
    if config.channel_gain > 0 and x.shape[1] > 1:
        gain = gain * torch.exp((torch.rand((n, x.shape[1], 1, 1), generator=generator) * 2 - 1) * config.channel_gain)
    x = torch.addcmul(0.5 * (1 - gain) + uniform(config.brightness), x, gain)
    blurred = torch.rand(n, generator=generator) < config.blur_probability
    sigma = config.blur_px * float(torch.rand(1, generator=generator))
    if sigma > 0.1 and bool(blurred.any()):
        x[blurred] = gaussian_blur(x[blurred], sigma)
    if config.noise > 0:
        x.addcmul_(
            torch.randn(x.shape, generator=generator), torch.rand((n, 1, 1, 1), generator=generator) * config.noise
        )
    return x


def gaussian_blur(x: Tensor, sigma_px: float) -> Tensor:
    """Blur (N, C, H, W) by a separable Gaussian with mirrored borders."""
    radius = max(1, math.ceil(3 * sigma_px))
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma_px**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    x = functional.pad(x, (radius,) * 4, mode="reflect")
    x = functional.conv2d(x, kernel, groups=x.shape[1])
    return functional.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
