"""Images that are not of a modality's kind are refused with what was expected; those that could be are taken."""

import numpy as np
import pytest

from crosslight.errors import InputError
from crosslight.represent.admission import Admission
from crosslight.represent.comir.intensity import Intensity, measure_intensity
from crosslight.types import Image


def _pixels(n_channels: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (64, 64, n_channels)).astype(dtype)


def _intensity(n_channels: int) -> Intensity:
    return Intensity(n_channels=n_channels, low=0, high=255, log_gain=0, mean=(0,) * n_channels, std=(1,) * n_channels)


def _admission(n_channels: int, *, other: int = 4) -> Admission:
    return Admission.of("A", {"A": _intensity(n_channels), "B": _intensity(other)})


@pytest.mark.parametrize(
    ("trained", "asked", "scale"),
    [("uint8", "uint16", 200), ("uint8", "float32", 1 / 200), ("uint16", "uint8", 1), ("float32", "uint8", 1)],
)
def test_values_of_another_scale_are_refused_with_both_ranges(trained: str, asked: str, scale: float) -> None:
    large = 300 if trained == "uint16" else 1 / 200 if trained == "float32" else 1
    known = measure_intensity([Image(pixels=(_pixels(1, "float32") * large).astype(trained), name="x")], "off")
    image = Image(pixels=(_pixels(1, "float32") * scale).astype(asked), name="query")
    with pytest.raises(InputError, match=f"query holds {asked} values from .* modality B .* trained on 0 to"):
        Admission.of("B", {"A": known, "B": known}).admit(image)


def test_dark_and_bright_images_of_the_same_scale_are_taken() -> None:
    ramp = np.linspace(1000, 3000, 64 * 64).reshape(64, 64, 1).astype(np.uint16)
    known = measure_intensity([Image(pixels=ramp, name="x")], "off")
    for tone in (0, 900, 3500, 4900):
        empty = Image(pixels=np.full((64, 64, 1), tone, np.uint16), name="empty")
        assert Admission.of("A", {"A": known, "B": known}).admit(empty) is empty


def test_three_equal_channels_are_one_and_one_is_three_where_no_other_kind_is_grey() -> None:
    grey = Image(pixels=_pixels(1), name="grey")
    colour = Image(pixels=np.repeat(grey.pixels, 3, axis=2), name="colour")
    np.testing.assert_array_equal(_admission(1).admit(colour).pixels, grey.pixels)
    np.testing.assert_array_equal(_admission(3).admit(grey).pixels, colour.pixels)
    with pytest.raises(InputError, match="grey has 1 channel, but modality A"):
        _admission(3, other=1).admit(grey)
    tinted = colour.pixels.copy()
    tinted[5, 5, 2] += 1
    with pytest.raises(InputError, match="has 3 channels"):
        _admission(1).admit(Image(pixels=tinted, name="tinted"))
    with pytest.raises(InputError, match="has 1 channel"):
        _admission(4).admit(grey)
