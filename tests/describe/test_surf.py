"""Dense SURF: the values against a slow rewrite from the formula, and what a user relies on."""

import numpy as np
import pytest

from crosslight.config import DescribeConfig
from crosslight.describe.surf import Surf
from crosslight.types import Descriptors, Representation


def textured(height: int, width: int, n_channels: int = 1, *, stride: int = 1, seed: int = 0) -> Representation:
    """Smooth random values: noise at three scales."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n_channels, height, width))
    for cell in (2, 5, 11):
        coarse = rng.normal(size=(n_channels, height // cell + 1, width // cell + 1))
        values += np.kron(coarse, np.ones((1, cell, cell)))[:, :height, :width]
    return Representation(values=values.astype(np.float32), stride=stride)


def share_of_pixels(start: float, stop: float, n: int) -> np.ndarray:
    """How much of each of n unit pixels lies in [start, stop]; what lies outside goes to the outermost pixel."""
    shares = np.zeros(n)
    for pixel in range(int(np.floor(start)), int(np.ceil(stop))):
        shares[min(max(pixel, 0), n - 1)] += max(0.0, min(stop, pixel + 1) - max(start, pixel))
    return shares


def haar_response(image: np.ndarray, row: int, col: int, scale: float) -> tuple[float, float]:
    """Mean of the right (lower) half minus mean of the left (upper) half of a square of side 2 * scale."""
    height, width = image.shape
    up, down = share_of_pixels(row - scale, row, height), share_of_pixels(row, row + scale, height)
    left, right = share_of_pixels(col - scale, col, width), share_of_pixels(col, col + scale, width)
    area = 2 * scale * scale
    return (up + down) @ image @ (right - left) / area, (down - up) @ image @ (right + left) / area


def slow_descriptor(image: np.ndarray, row: int, col: int, scale: float) -> np.ndarray:
    """One block of one channel: loops over its 20 x 20 samples."""
    sums = np.zeros((4, 4, 4))
    for i in range(20):
        for j in range(20):
            y, x = i - 9.5, j - 9.5
            nearest_row = row + int(np.sign(y) * np.floor(abs(y) * scale + 0.5))
            nearest_col = col + int(np.sign(x) * np.floor(abs(x) * scale + 0.5))
            weight = np.exp(-(x * x + y * y) / (2 * 3.3**2))
            dx, dy = haar_response(image, nearest_row, nearest_col, scale)
            sums[i // 5, j // 5] += weight * np.array([dx, abs(dx), dy, abs(dy)])
    return sums.ravel()


def slow_rows(representation: Representation, found: Descriptors) -> np.ndarray:
    """All descriptors at the points found, before normalisation."""
    rows = []
    for (x, y), size_px in zip(found.xy, found.size_px, strict=True):
        row, col = round((y + 0.5) / representation.stride), round((x + 0.5) / representation.stride)
        scale = size_px / representation.stride / 20
        rows.append(np.concatenate([slow_descriptor(c, row, col, scale) for c in representation.values]))
    return np.array(rows)


@pytest.mark.parametrize(
    ("stride", "sizes_px", "step_px"), [(1, (24, 36), 6), (2, (32, 50), 16), (4, (32, 96, 121), 32)]
)
def test_descriptors_equal_a_slow_rewrite_from_the_formula(stride, sizes_px, step_px):
    representation = textured(41, 36, 2, stride=stride)
    found = Surf(DescribeConfig(sizes_px=sizes_px, step_px=step_px)).describe(representation)
    raw = slow_rows(representation, found)
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    assert len(found) >= 8
    assert set(found.size_px) == set(sizes_px)
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    np.testing.assert_allclose(found.strength, raw.var(axis=1), rtol=1e-3)


def test_moving_the_image_by_a_grid_step_moves_the_descriptors_exactly():
    config = DescribeConfig(sizes_px=(32,), step_px=8)
    whole = textured(80, 80, 3, stride=2)
    moved = Representation(values=np.ascontiguousarray(whole.values[:, 8:, 4:]), stride=2)
    before, after = Surf(config).describe(whole), Surf(config).describe(moved)
    place = {tuple(xy): row for xy, row in zip(before.xy, before.values, strict=True)}
    inner = [i for i, (x, y) in enumerate(after.xy) if x > 24 and y > 24]
    assert len(inner) > 100
    for i in inner:
        x, y = after.xy[i]
        np.testing.assert_array_equal(after.values[i], place[x + 8, y + 16])


def test_mirroring_the_image_mirrors_the_descriptors():
    config = DescribeConfig(sizes_px=(40,), step_px=5)
    image = textured(40, 60)
    mirrored = Representation(values=np.ascontiguousarray(image.values[:, :, ::-1]), stride=1)
    parts = Surf(config).describe(image).values.reshape(-1, 4, 4, 4)
    expected = parts[::-1, :, ::-1] * np.array([-1, 1, 1, 1], np.float32)
    np.testing.assert_allclose(Surf(config).describe(mirrored).values.reshape(-1, 4, 4, 4), expected, atol=1e-5)


def test_a_left_to_right_ramp_gives_only_dx():
    ramp = Representation(values=np.tile(np.arange(64, dtype=np.float32), (1, 64, 1)), stride=1)
    found = Surf(DescribeConfig(sizes_px=(32,))).describe(ramp)
    middle = found.values[len(found) // 2].reshape(16, 4)
    np.testing.assert_allclose(middle[:, 0], middle[:, 1], rtol=1e-5)
    np.testing.assert_array_equal(middle[:, 2:], 0)
    assert (middle[:, 0] > 0).all()


def test_points_are_block_centres_in_image_pixels():
    found = Surf(DescribeConfig(sizes_px=(32, 64), step_px=8)).describe(textured(40, 48, stride=2))
    small, large = found.xy[found.size_px == 32], found.xy[found.size_px == 64]
    np.testing.assert_array_equal(np.unique(small[:, 0]), np.arange(16, 81, 8) - 0.5)
    np.testing.assert_array_equal(np.unique(small[:, 1]), np.arange(16, 65, 8) - 0.5)
    np.testing.assert_array_equal(np.unique(large[:, 1]), np.arange(32, 49, 8) - 0.5)


def test_rows_have_unit_length_and_a_flat_image_gives_zeros():
    surf = Surf(DescribeConfig())
    np.testing.assert_allclose(np.linalg.norm(surf.describe(textured(70, 70, 8)).values, axis=1), 1, rtol=1e-5)
    flat = surf.describe(Representation(values=np.full((2, 70, 70), 0.3, np.float32), stride=1))
    assert len(flat) > 0
    assert not flat.values.any()
    assert not flat.strength.any()


def test_brightness_does_not_matter_and_contrast_only_to_strength():
    surf, image = Surf(DescribeConfig()), textured(70, 70)
    changed = Representation(values=image.values * 2 + 1, stride=1)
    before, after = surf.describe(image), surf.describe(changed)
    np.testing.assert_allclose(after.values, before.values, atol=1e-5)
    np.testing.assert_allclose(after.strength, 4 * before.strength, rtol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(31, 200), (200, 31), (1, 1)])
def test_an_image_smaller_than_the_smallest_block_has_no_descriptors(height, width):
    found = Surf(DescribeConfig()).describe(textured(height, width, 3))
    assert len(found) == 0
    assert found.values.shape == (0, 192)
    assert found.xy.shape == (0, 2)


def test_an_image_of_just_the_block_has_one_descriptor():
    for stride in (1, 2, 4):
        found = Surf(DescribeConfig(sizes_px=(36,))).describe(textured(36 // stride, 36 // stride, stride=stride))
        assert len(found) == 1


def test_a_strided_representation_is_described_where_the_image_is():
    fine = textured(160, 160)
    coarse = Representation(values=fine.values.reshape(1, 80, 2, 80, 2).mean(axis=(2, 4)), stride=2)
    config = DescribeConfig(sizes_px=(64,), step_px=16)
    at_fine, at_coarse = Surf(config).describe(fine), Surf(config).describe(coarse)
    np.testing.assert_array_equal(at_fine.xy, at_coarse.xy)
    assert (at_fine.values * at_coarse.values).sum(axis=1).min() > 0.9
