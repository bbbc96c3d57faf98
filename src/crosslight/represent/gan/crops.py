"""Training crops of pix2pix and CycleGAN: aligned or not, flipped at times, never turned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from crosslight.errors import InputError
from crosslight.represent.comir.intensity import Intensity
from crosslight.types import Float32, Image, Pair


def sample_crops(
    pairs: Sequence[Pair],
    intensities: tuple[Intensity, Intensity],
    *,
    crop_px: int,
    n_pairs: int,
    aligned: bool,
    step: int,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """Return the crops of A and of B of one step, (n_pairs, C, crop_px, crop_px) in [-1, 1].

    Every pair comes once an epoch. Where `aligned`, both crops show the same place; else B's is from any pair and
    place, as CycleGAN is trained. Depends on seed and step alone.
    """
    rng = np.random.default_rng([seed, step])
    crops: tuple[list[Float32], list[Float32]] = ([], [])
    for i in range(step * n_pairs, (step + 1) * n_pairs):
        epoch, place = divmod(i, len(pairs))
        index = int(np.random.default_rng([seed, 2**32 - 1, epoch]).permutation(len(pairs))[place])
        pair = pairs[index]
        other = pair if aligned else pairs[int(rng.integers(len(pairs)))]
        first = _draw_place(pair.a, crop_px, rng)
        second = first if aligned else _draw_place(other.b, crop_px, rng)
        crops[0].append(_cut(pair.a, intensities[0], crop_px, first))
        crops[1].append(_cut(other.b, intensities[1], crop_px, second))
    a, b = (torch.from_numpy(np.stack(part)) for part in crops)
    return a, b


def _draw_place(image: Image, crop_px: int, rng: np.random.Generator) -> tuple[int, int, bool]:
    """Return top, left and whether to flip."""
    if min(image.height_px, image.width_px) < crop_px:
        raise InputError(
            f"{image.name} is {image.width_px} x {image.height_px} px and training crops are {crop_px} px; leave it "
            "out, or use a smaller crop_px."
        )
    top = int(rng.integers(image.height_px - crop_px + 1))
    left = int(rng.integers(image.width_px - crop_px + 1))
    return top, left, bool(rng.random() < 0.5)


def _cut(image: Image, intensity: Intensity, crop_px: int, place: tuple[int, int, bool]) -> Float32:
    top, left, flip = place
    unit = intensity.unit(image.pixels[top : top + crop_px, left : left + crop_px])
    crop = (unit[:, ::-1] if flip else unit).transpose(2, 0, 1) * np.float32(2) - np.float32(1)
    return np.ascontiguousarray(crop, np.float32)
