from __future__ import annotations

import numpy as np
import pytest

from crosslight.show.raster import (
    channel_colours,
    default_colours,
    make_thumbnail,
    measure_colours,
    measure_limits,
    representation_to_rgb,
    to_rgb,
)
from crosslight.types import Image, Representation


def make_image(n_channels: int, dtype: str, height: int = 40, width: int = 60) -> Image:
    ramp = np.linspace(0, 1, width)[None, :, None] * np.linspace(0.5, 1, n_channels)
    values = np.broadcast_to(ramp, (height, width, n_channels))
    pixels = (values * (1.0 if dtype == "float32" else np.iinfo(dtype).max)).astype(dtype)
    return Image(pixels=pixels, name="ramp")


def make_representation(n_channels: int, seed: int = 0) -> Representation:
    values = np.random.default_rng(seed).standard_normal((n_channels, 24, 32)).astype(np.float32)
    return Representation.rounded(values, 2)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 5, 16])
def test_any_image_can_be_shown(n_channels: int, dtype: str) -> None:
    rgb = to_rgb(make_image(n_channels, dtype))
    assert rgb.shape == (40, 60, 3)
    assert rgb.dtype == np.uint8
    assert rgb[:, -5:].mean() > rgb[:, :5].mean() + 60


def test_8_bit_colours_are_shown_as_they_are() -> None:
    image = make_image(3, "uint8")
    np.testing.assert_array_equal(to_rgb(image), image.pixels)


def test_dim_16_bit_image_fills_the_range() -> None:
    image = Image(pixels=(make_image(1, "uint16").pixels // 100 + 300), name="dim")
    rgb = to_rgb(image)
    assert rgb.min() == 0
    assert rgb.max() == 255


def test_one_hot_pixel_does_not_darken_the_rest() -> None:
    pixels = make_image(1, "float32").pixels.copy()
    pixels[0, 0] = 1e6
    assert to_rgb(Image(pixels=pixels, name="hot")).mean() > 100


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_flat_image_is_mid_grey(dtype: str) -> None:
    flat = Image(pixels=np.full((8, 8, 1), 7, dtype), name="flat")
    assert set(np.unique(to_rgb(flat))) == {128}


def test_part_looks_like_its_whole_with_the_limits_of_the_whole() -> None:
    whole = make_image(1, "uint16")
    part = Image(pixels=whole.pixels[10:20, 5:25], name="part")
    np.testing.assert_array_equal(to_rgb(part, limits=measure_limits(whole)), to_rgb(whole)[10:20, 5:25])


def test_two_channels_are_green_and_magenta() -> None:
    np.testing.assert_array_equal(channel_colours(2), [[0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize("n_channels", range(2, 17))
def test_channels_add_up_to_at_most_full_brightness(n_channels: int) -> None:
    assert channel_colours(n_channels).sum(axis=0).max() <= 1 + 1e-6


@pytest.mark.parametrize(("height", "width", "shape"), [(40, 60, (21, 32, 3)), (900, 3, (32, 1, 3)), (5, 7, (5, 7, 3))])
def test_thumbnail_keeps_the_shape_and_never_enlarges(height: int, width: int, shape: tuple[int, ...]) -> None:
    assert make_thumbnail(make_image(3, "uint8", height, width), 32).shape == shape


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 8])
def test_mean_of_a_representation_is_mid_grey(n_channels: int) -> None:
    zero = Representation(values=np.zeros((n_channels, 4, 6), np.float32), stride=2)
    rgb = representation_to_rgb(zero)
    assert rgb.shape == (4, 6, 3)
    assert set(np.unique(rgb)) == {128}


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4, 8])
def test_colours_of_a_representation_do_not_depend_on_the_image(n_channels: int) -> None:
    first, second = make_representation(n_channels), make_representation(n_channels, seed=1)
    both = Representation(values=np.concatenate([first.values, second.values], axis=2), stride=2)
    joined = np.concatenate([representation_to_rgb(first), representation_to_rgb(second)], axis=1)
    np.testing.assert_array_equal(representation_to_rgb(both), joined)


def test_every_channel_changes_the_picture() -> None:
    for n_channels in (1, 2, 3, 4, 8, 16):
        assert (np.abs(default_colours(n_channels)).max(axis=0) > 1e-3).all()


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_measured_colours_show_what_varies(n_channels: int) -> None:
    representation = make_representation(n_channels)
    colours = measure_colours([representation])
    assert colours.shape == (3, n_channels)
    assert representation_to_rgb(representation, colours).std() > 20


def test_flat_representation_still_has_colours() -> None:
    flat = Representation(values=np.zeros((4, 8, 8), np.float32), stride=2)
    assert np.isfinite(measure_colours([flat])).all()
