"""Training crops: aligned, turned as told, changed in tone only."""

import numpy as np
import pytest
import torch

from crosslight.config import AugmentConfig
from crosslight.geometry import warp_window
from crosslight.represent.comir.augment import (
    change_tones,
    crop_matrix,
    gaussian_blur,
    quarter_matrix,
    sample_batch,
    turn_back,
)
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.types import Image, Pair


def _image(height: int, width: int, channels: int, seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image(pixels=pixels, name=f"image{seed}")


def test_both_crops_of_a_pair_show_the_same_place_once_turned_back() -> None:
    a = _image(200, 180, 1)
    pairs = [Pair(name="p", a=a, b=Image(pixels=np.repeat(a.pixels, 3, axis=2), name="p"))]
    intensities = (measure_intensity([a], "off"), measure_intensity([pairs[0].b], "off"))
    batch_a, batch_b = sample_batch(pairs, 6, intensities, AugmentConfig(crop_px=64), np.random.default_rng(1))
    same_a, same_b = turn_back(batch_a.crops, batch_a.quarters), turn_back(batch_b.crops, batch_b.quarters)
    assert same_a.shape == (6, 1, 64, 64) and same_b.shape == (6, 3, 64, 64)
    assert float((same_a - same_b).abs().max()) < 1e-4
    assert len({int(q) for q in batch_a.quarters} | {int(q) for q in batch_b.quarters}) > 1


@pytest.mark.parametrize("quarters", range(4))
def test_a_quarter_turn_in_the_matrix_equals_turning_the_crop(quarters: int) -> None:
    y, x = np.mgrid[:150, :160]
    smooth = np.stack([np.sin(x / 9 + y / 31), np.cos(y / 7)], axis=2).astype(np.float32)
    matrix = crop_matrix(150, 160, 64, np.random.default_rng(3))
    plain = warp_window(smooth, matrix, 64, 64)
    turned = warp_window(smooth, matrix @ quarter_matrix(quarters, 64), 64, 64)
    assert np.abs(np.rot90(plain, quarters) - turned).max() < 0.01  # cv2 rounds places to 1/32 px
    back = turn_back(torch.from_numpy(turned).permute(2, 0, 1)[None], torch.tensor([quarters]))
    assert np.abs(back[0].permute(1, 2, 0).numpy() - plain).max() < 0.01


def test_crops_lie_inside_wherever_the_image_is_large_enough() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        matrix = crop_matrix(100, 300, 64, rng)
        corners = matrix @ np.array([[0, 63, 0, 63], [0, 0, 63, 63], [1, 1, 1, 1]])
        assert corners[0].min() > -1e-6 and corners[0].max() < 299 + 1e-6
        assert corners[1].min() > -1e-6 and corners[1].max() < 99 + 1e-6


def test_a_crop_larger_than_the_image_mirrors_its_border() -> None:
    window = warp_window(_image(128, 128, 1).pixels, crop_matrix(128, 128, 128, np.random.default_rng(0)), 128, 128)
    assert window.shape == (128, 128, 1) and window.std() > 10


def test_tones_change_differently_per_crop_and_repeat_with_the_seed() -> None:
    x = torch.full((3, 1, 16, 16), 0.5)
    first = change_tones(x.clone(), AugmentConfig(), torch.Generator().manual_seed(5))
    again = change_tones(x.clone(), AugmentConfig(), torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    means = first.mean(dim=(1, 2, 3))
    assert len(set(means.tolist())) == 3


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    x = torch.rand((1, 2, 32, 32), generator=torch.Generator().manual_seed(0))
    blurred = gaussian_blur(x, 1.5)
    assert float(blurred.std()) < 0.5 * float(x.std())
    assert float(blurred.mean()) == pytest.approx(float(x.mean()), abs=0.01)
