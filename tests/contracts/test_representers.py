"""Every way to represent of the registry returns what the stages after it rely on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crosslight.config import TRANSLATION_PRESETS, NetworkConfig
from crosslight.errors import InputError
from crosslight.registry import load, names
from crosslight.represent.admission import Admission
from crosslight.represent.base import Model
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.model import ComirRepresenter, OutputScale
from crosslight.represent.comir.network import build_network
from crosslight.represent.gan.networks import build_generator
from crosslight.types import MODALITIES, Image

N_CHANNELS = {"A": 3, "B": 1}
INTENSITIES = {
    m: Intensity(n_channels=n, low=0.0, high=255.0, log_gain=0.0, mean=(0.5,) * n, std=(0.25,) * n)
    for m, n in N_CHANNELS.items()
}


def make_comir() -> Model:
    config, cpu = NetworkConfig(n_channels=2, widths=(8, 8), stride=2), torch.device("cpu")
    scale = OutputScale(mean=(0.0, 0.0), std=1.0)
    representers = {
        m: ComirRepresenter(Admission.of(m, INTENSITIES), build_network(N_CHANNELS[m], config), scale, cpu)
        for m in MODALITIES
    }
    return load("representer", "comir")(preset="default", network=config, representers=representers)


def make_translation(method: str) -> Model:
    config = replace(TRANSLATION_PRESETS[f"{method}-small"], width=4, n_blocks=1)
    generators = {"A": build_generator(1, 3, config), "B": build_generator(3, 1, config)}
    return load("representer", method)(config=config, generators=generators, intensities=INTENSITIES)


@pytest.fixture(params=sorted(names("representer")))
def model(request: pytest.FixtureRequest) -> Model:
    torch.manual_seed(0)
    if request.param == "comir":
        return make_comir()
    if request.param == "identity":
        return load("representer", "identity")()
    return make_translation(request.param)


def noise(height: int, width: int, modality: str, name: str = "image") -> Image:
    shape = (height, width, N_CHANNELS[modality])
    return Image(pixels=np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), name=name)


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (70, 33), (129, 200)])
def test_both_modalities_have_one_form_and_cover_the_image(model: Model, modality, height, width) -> None:
    representer = model.representer(modality)
    found = representer.represent(noise(height, width, modality))
    stride = found.stride
    assert stride == representer.stride == model.representer("A").stride
    assert found.values.shape == (representer.n_channels, -(-height // stride), -(-width // stride))
    assert representer.n_channels == model.representer("A").n_channels
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(type(found).from_codes(found.to_codes(), stride).values, found.values)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_same_image_gives_the_same_representation(model: Model, modality) -> None:
    first, second = (model.representer(modality).represent(noise(50, 40, modality)).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_flat_image_has_a_finite_representation(model: Model, modality) -> None:
    for value in (0, 255):
        flat = Image(pixels=np.full((40, 40, N_CHANNELS[modality]), value, np.uint8), name="flat")
        assert np.isfinite(model.representer(modality).represent(flat).values).all()


def test_the_fingerprint_is_stable(model: Model) -> None:
    assert model.fingerprint
    assert model.fingerprint == model.fingerprint


def test_an_image_of_other_channels_is_represented_or_refused_with_its_name(model: Model) -> None:
    odd = Image(pixels=np.zeros((32, 32, 5), np.uint8), name="odd one")
    try:
        found = model.representer("A").represent(odd)
    except InputError as error:
        assert "odd one" in str(error)
    else:
        assert found.values.shape[0] == model.representer("A").n_channels
