"""Dense SIFT: where it looks, and what a user relies on."""

import numpy as np
import pytest

from crosslight.config import DescribeConfig
from crosslight.describe.sift import RootSift, Sift
from crosslight.describe.surf import Surf
from crosslight.types import Representation

CONFIG = DescribeConfig(sizes_px=(32, 64), step_px=8)


def noise(height: int, width: int, n_channels: int = 1, *, stride: int = 1) -> Representation:
    values = np.random.default_rng(0).normal(size=(n_channels, height, width))
    return Representation.rounded(values.astype(np.float32), stride)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_sift_looks_at_the_same_points_and_sizes_as_surf(stride):
    image = noise(70, 90, 2, stride=stride)
    sift, surf = Sift(CONFIG).describe(image), Surf(CONFIG).describe(image)
    assert len(sift) > 10
    np.testing.assert_array_equal(sift.xy, surf.xy)
    np.testing.assert_array_equal(sift.size_px, surf.size_px)


@pytest.mark.parametrize(("stride", "cell"), [(1, 0), (1, 3), (2, 1), (4, 2)])
def test_the_four_by_four_cells_fill_the_block(stride, cell):
    width_px = 64
    edge = round((cell + 0.5) * width_px / 4 / stride)
    values = np.full((1, width_px // stride, width_px // stride), -2, np.float32)
    values[:, :, edge:] = 2
    found = Sift(DescribeConfig(sizes_px=(width_px,))).describe(Representation(values=values, stride=stride))
    energy = (found.values[0].reshape(4, 4, 8) ** 2).sum(axis=(0, 2))
    assert len(found) == 1
    assert energy.argmax() == cell
    assert energy[cell] > 0.6


def test_rows_have_unit_length_over_all_channels_and_a_flat_image_gives_zeros():
    found = Sift(CONFIG).describe(noise(70, 70, 3))
    assert found.values.shape[1] == Sift(CONFIG).n_values(3) == 384
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1, rtol=1e-5)
    flat = Sift(CONFIG).describe(Representation(values=np.zeros((1, 70, 70), np.float32), stride=1))
    assert len(flat) > 0
    assert not flat.values.any()


def test_rootsift_holds_the_square_roots_of_sift():
    image = noise(64, 64)
    sift, root = Sift(CONFIG).describe(image).values, RootSift(CONFIG).describe(image).values
    np.testing.assert_allclose(root**2, sift / sift.sum(axis=1, keepdims=True), atol=1e-5)


def test_an_image_smaller_than_the_smallest_block_has_no_descriptors():
    found = Sift(CONFIG).describe(noise(31, 90, 2))
    assert found.values.shape == (0, 256)
    assert found.xy.shape == (0, 2)
