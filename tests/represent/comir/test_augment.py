"""Training crops: cut and turned as told, changed in tone only."""

import cv2
import numpy as np
import pytest
import torch

from crosslight.config import AugmentConfig
from crosslight.geometry import warp_window
from crosslight.represent.comir.augment import change_tones, crop_matrix, gaussian_blur, sample_batch
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.comir.moves import cell_grid, draw_free_moves, in_cells, invert, read_at, transform
from crosslight.types import Image, Pair


def _image(height: int, width: int, channels: int, seed: int = 0) -> Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image(pixels=pixels, name=f"image{seed}")


def test_crops_show_the_same_place_once_the_move_between_them_is_undone() -> None:
    smooth = cv2.GaussianBlur(_image(200, 180, 1).pixels, (0, 0), 5).reshape(200, 180, 1)
    a = Image(pixels=cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).reshape(200, 180, 1), name="a")
    pairs = [Pair(name="p", a=a, b=Image(pixels=np.repeat(a.pixels, 3, axis=2), name="p"))]
    intensities = (measure_intensity([a], "off"), measure_intensity([pairs[0].b], "off"))
    moves = draw_free_moves(6, 64, 8, np.random.default_rng(1))
    crops_a, crops_b = sample_batch(pairs, moves, intensities, AugmentConfig(crop_px=64), np.random.default_rng(2))
    assert crops_a.shape == (6, 1, 64, 64) and crops_b.shape == (6, 3, 64, 64)
    middle = cell_grid(32, 32, crops_a.device) + 16
    found = read_at(crops_b, transform(invert(in_cells(moves, 1)), middle), 32, 32)
    assert float((found - crops_a[:, :, 16:48, 16:48]).abs().mean()) < 0.01
    assert float((crops_b[:, :1] - crops_a).abs()[:, :, 16:48, 16:48].mean()) > 0.05


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
