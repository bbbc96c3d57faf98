"""The originals as representations."""

import numpy as np
import pytest

from crosslight.registry import load
from crosslight.represent.identity import IdentityModel
from crosslight.types import Image


def image(pixels: np.ndarray) -> Image:
    return Image(pixels=pixels, name="image")


def test_grey_pixels_come_back_unchanged_at_full_resolution():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 31, 1), dtype=np.uint8)
    found = IdentityModel().representer("A").represent(image(pixels))
    assert found.stride == 1
    np.testing.assert_array_equal(found.to_codes()[0], pixels[:, :, 0])


def test_colour_keeps_three_channels_and_copies_grey_into_them():
    rgb = np.random.default_rng(1).integers(0, 256, (18, 17, 3), dtype=np.uint8)
    representer = IdentityModel(colour=True).representer("B")
    np.testing.assert_array_equal(representer.represent(image(rgb)).to_codes(), rgb.transpose(2, 0, 1))
    found = representer.represent(image(rgb[:, :, :1])).to_codes()
    assert found.shape == (3, 18, 17)
    np.testing.assert_array_equal(found[0], found[2])


def test_grey_of_colour_is_its_luminance():
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :, 1] = 200
    codes = IdentityModel().representer("A").represent(image(pixels)).to_codes()
    assert codes.shape == (1, 16, 16)
    assert np.unique(codes).tolist() == [round(0.587 * 200)]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_depths_are_scaled_by_their_own_range(dtype):
    ramp = np.linspace(1000, 3000, 64 * 64).reshape(64, 64, 1).astype(dtype)
    codes = IdentityModel().representer("A").represent(image(ramp)).to_codes()
    assert (codes.min(), codes.max()) == (0, 255)
    flat = np.full((16, 16, 2), 7, dtype)
    assert np.unique(IdentityModel().representer("A").represent(image(flat)).to_codes()).tolist() == [0]


def test_the_registry_names_it():
    assert load("representer", "identity") is IdentityModel
