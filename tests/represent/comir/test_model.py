"""Models: saved, loaded, refused; inference without seams."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crosslight.config import NetworkConfig
from crosslight.errors import InputError, ModelError
from crosslight.represent.admission import Admission
from crosslight.represent.comir import infer
from crosslight.represent.comir.infer import run_network
from crosslight.represent.comir.intensity import Intensity, measure_intensity
from crosslight.represent.comir.model import ComirModel, ComirRepresenter, measure_scale
from crosslight.represent.comir.network import build_network
from crosslight.types import MODALITIES, Image

CONFIG = NetworkConfig(n_channels=3, widths=(8, 12, 16), stride=2)
CPU = torch.device("cpu")


def _image(height: int, width: int, channels: int, dtype: str = "uint8") -> Image:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (height, width, channels)).astype(dtype)
    return Image(pixels=pixels, name="image")


@pytest.fixture
def model() -> ComirModel:
    torch.manual_seed(0)
    representers = {}
    images = {"A": _image(150, 140, 3), "B": _image(150, 140, 1)}
    intensities = {m: measure_intensity([images[m]], "off") for m in MODALITIES}
    for modality, image in images.items():
        network = build_network(image.n_channels, CONFIG)
        scale = measure_scale(network, intensities[modality], [image], CPU)
        representers[modality] = ComirRepresenter(Admission.of(modality, intensities), network, scale, CPU)
    return ComirModel(preset="default", network=CONFIG, representers=representers, calibration={"lead": 3.0})


@pytest.mark.parametrize("size", [(128, 128), (131, 203), (17, 300)])
def test_a_representation_covers_the_image(model: ComirModel, size: tuple[int, int]) -> None:
    z = model.representer("A").represent(_image(*size, 3))
    assert z.values.shape == (3, -(-size[0] // 2), -(-size[1] // 2)) and z.stride == 2
    assert z.values.dtype == np.float32 and np.abs(z.values).max() <= 4
    assert np.array_equal(z.values, type(z).from_codes(z.to_codes(), 2).values)


def test_windows_join_without_seams(model: ComirModel, monkeypatch: pytest.MonkeyPatch) -> None:
    r = model.representer("A")
    image = _image(420, 390, 3)
    whole = run_network(r.network, r.intensity, image, CPU)
    monkeypatch.setattr(infer, "WINDOW_PX", 128)
    pieces = run_network(r.network, r.intensity, image, CPU)
    assert np.abs(whole - pieces).max() < 0.01 * np.ptp(whole)


def test_a_saved_model_represents_the_same(model: ComirModel, tmp_path: Path) -> None:
    model = replace(model, means_tell=False)
    model.save(tmp_path / "model")
    again = ComirModel.load(tmp_path / "model")
    image = _image(130, 150, 1)
    before, after = (m.representer("B").represent(image).values for m in (model, again))
    assert np.array_equal(before, after)
    assert again.fingerprint == model.fingerprint and again.calibration == {"lead": 3.0}
    assert not again.means_tell


def test_a_model_of_an_earlier_version_finds_discs_by_means_too(model: ComirModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    del record["means_tell"]
    (tmp_path / "model.json").write_text(json.dumps(record))
    assert ComirModel.load(tmp_path).means_tell


def test_a_folder_without_a_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="crosslight fit"):
        ComirModel.load(tmp_path)


@pytest.mark.parametrize("damage", ["weights", "json", "missing key"])
def test_a_damaged_model_is_refused(model: ComirModel, tmp_path: Path, damage: str) -> None:
    model.save(tmp_path)
    if damage == "weights":
        (tmp_path / "a.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:1000])
    elif damage == "json":
        (tmp_path / "model.json").write_text("{")
    else:
        text = (tmp_path / "model.json").read_text()
        (tmp_path / "model.json").write_text(text.replace('"low"', '"lwo"'))
    with pytest.raises(ModelError, match=r"damaged|cannot be read"):
        ComirModel.load(tmp_path)


@pytest.mark.parametrize(("version", "remedy"), [(99, "update Crosslight"), (1, "train it anew")])
def test_another_format_is_refused_with_what_to_do(
    model: ComirModel, tmp_path: Path, version: int, remedy: str
) -> None:
    model.save(tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**record, "format_version": version}))
    with pytest.raises(ModelError, match=rf"format {version}.*{remedy}"):
        ComirModel.load(tmp_path)


def test_a_wrong_channel_count_names_both_numbers(model: ComirModel) -> None:
    with pytest.raises(InputError, match=r"has 1 channel.*trained on 3"):
        model.representer("A").represent(_image(128, 128, 1))


@pytest.mark.parametrize(("dtype", "scale"), [("uint16", 257), ("float32", 0.001)])
def test_other_pixel_types_are_brought_to_one_range(dtype: str, scale: float) -> None:
    pixels = (_image(140, 140, 2).pixels * np.float64(scale)).astype(dtype)
    intensity = measure_intensity([Image(pixels=pixels, name="x")], "off")
    unit = intensity.unit(pixels)
    assert unit.min() == 0 and unit.max() == 1 and 0.4 < unit.mean() < 0.6


def test_a_dark_modality_gets_a_logarithm_by_itself() -> None:
    dark = np.clip(np.random.default_rng(0).exponential(10, (128, 128, 1)), 0, 255).astype(np.uint8)
    assert measure_intensity([Image(pixels=dark, name="x")], "auto").log_gain > 0
    assert measure_intensity([_image(128, 128, 1)], "auto").log_gain == 0


def test_the_papers_logarithm_is_log_of_one_plus_x() -> None:
    unit = Intensity(n_channels=1, low=0, high=1, log_gain=1.0, mean=(0,), std=(1,)).unit(np.array([[[0.5]]]))
    assert float(unit[0, 0, 0]) == pytest.approx(np.log(1.5) / np.log(2))


def test_a_grey_image_in_colour_has_the_representation_of_one_channel(model: ComirModel) -> None:
    grey = _image(128, 128, 1)
    colour = Image(pixels=np.repeat(grey.pixels, 3, axis=2), name="colour")
    b = model.representer("B")
    np.testing.assert_array_equal(b.represent(colour).values, b.represent(grey).values)
    np.testing.assert_array_equal(
        b.represent_window(colour.pixels, 0).values, b.represent_window(grey.pixels, 0).values
    )


def test_images_are_shown_enlarged_and_large_ones_as_they_are(model: ComirModel, tmp_path: Path) -> None:
    finer = replace(model, network=replace(CONFIG, cell_px=1))
    finer.save(tmp_path / "model")
    loaded, image = ComirModel.load(tmp_path / "model"), _image(130, 70, 3)
    assert loaded.fingerprint != model.fingerprint
    z, plain = (r.represent(image) for r in (loaded.representer("A"), loaded.representer("A").plain))
    assert (z.stride, z.values.shape) == (1, (3, 130, 70)) and (plain.stride, plain.values.shape) == (2, (3, 65, 35))
    assert np.array_equal(plain.values, model.representer("A").represent(image).values)
