"""Translation models from pairs: the folder, the search, the refusals."""

from dataclasses import replace

import numpy as np
import pytest

import crosslight
from crosslight.config import TRANSLATION_PRESETS
from crosslight.errors import ConfigError, InputError, ModelError
from crosslight.pipeline.fit import fit_pairs
from crosslight.pipeline.models import open_model
from crosslight.registry import load
from crosslight.represent.comir.model import ComirModel
from crosslight.represent.pix2pix import Pix2PixModel

CONFIG = replace(
    TRANSLATION_PRESETS["pix2pix-small"], width=4, discriminator_width=4, levels=4, crop_px=64, sample_every=2
)


@pytest.fixture(scope="module")
def translated(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("translated") / "model"
    pairs = crosslight.find_pairs(folders / "A", folders / "B", split=folders / "split.csv")
    fit_pairs(pairs.part("train"), out, val=pairs.part("val"), config=CONFIG, steps=4, device="cpu")
    return out


def test_the_folder_holds_both_directions_and_pictures(translated):
    files = {path.name for path in translated.iterdir()}
    assert files == {"model.json", "to_a.safetensors", "to_b.safetensors", "training.csv", "preview.png", "samples"}
    assert sorted(p.name for p in (translated / "samples").iterdir()) == ["step_000002.jpg", "step_000004.jpg"]
    assert len((translated / "training.csv").read_text().splitlines()) == 5
    sheet = crosslight.read_image(translated / "preview.png").pixels
    assert sheet.shape == (2 * 192, 4 * 192, 3)
    assert sheet.std() > 20


def test_the_targets_images_stay_and_the_others_are_translated(translated, folders):
    model = open_model(translated)
    assert isinstance(model, Pix2PixModel)
    a, b = (crosslight.read_image(folders / side / "image7.png") for side in "AB")
    original = load("representer", "identity")().representer("A").represent(a).values
    np.testing.assert_array_equal(model.representer("A").represent(a).values, original)
    fake = model.representer("B").represent(b)
    assert fake.values.shape == original.shape == (1, 200, 200)
    assert fake.stride == 1
    other = model.with_target("B")
    assert other.fingerprint != model.fingerprint
    np.testing.assert_array_equal(other.representer("B").represent(b).to_codes()[0], b.pixels[:, :, 0])
    assert model.with_target("A", colour=True).representer("B").represent(b).values.shape == (3, 200, 200)
    with pytest.raises(InputError, match="trained on 1"):
        model.representer("B").represent(a)


def test_it_can_be_indexed_and_searched(translated, folders, tmp_path):
    out = tmp_path / "index"
    with crosslight.Index.build([folders / "A"], translated, modality="A", out=out, device="cpu") as index:
        ranking = index.search([folders / "A" / "image3.png"], modality="A", rerank="none")[0]
    assert ranking.hits[0].image == "image3"


def test_the_same_seed_gives_the_same_model_and_a_finished_one_is_kept(translated, folders, tmp_path):
    pairs = crosslight.find_pairs(folders / "A", folders / "B", split=folders / "split.csv").part("train")
    again = fit_pairs(pairs, tmp_path / "again", config=CONFIG, steps=4, device="cpu")
    assert again.fingerprint == open_model(translated).fingerprint
    with pytest.raises(InputError, match="already holds a finished model"):
        fit_pairs(pairs, translated, config=CONFIG, steps=4)
    with pytest.raises(InputError, match="no checkpoint"):
        fit_pairs(pairs, tmp_path / "new", config=CONFIG, resume=True)


def test_damaged_and_foreign_models_are_refused(translated, tmp_path, model_folder):
    with pytest.raises(ModelError, match="not a model"):
        open_model(tmp_path)
    with pytest.raises(ConfigError, match="is a pix2pix model, not cyclegan"):
        load("representer", "cyclegan").load(translated)
    with pytest.raises(ConfigError, match="is a comir model"):
        Pix2PixModel.load(model_folder)
    with pytest.raises(ConfigError, match="is a pix2pix model, not comir"):
        ComirModel.load(translated)
    for path in translated.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "to_b.safetensors").write_bytes(b"gone")
    with pytest.raises(ModelError, match="damaged"):
        open_model(tmp_path)


def test_fit_takes_a_translation_by_its_preset(folders, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'paper'"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "m", preset="papr")
    model = crosslight.fit(
        folders / "A", folders / "B", out=tmp_path / "m", preset="cyclegan-small", steps=1, device="cpu"
    )
    assert model.training["finished"]
    assert open_model(tmp_path / "m").fingerprint == model.fingerprint


def test_settings_of_a_translation_come_from_a_file_that_names_the_method(folders, tmp_path):
    toml = tmp_path / "settings.toml"
    toml.write_text('method = "pix2pix"\nwidth = 4\ndiscriminator_width = 4\nlevels = 5\ncrop_px = 64\n')
    model = crosslight.fit(
        folders / "A", folders / "B", out=tmp_path / "m", config=toml, steps=1, device="cpu", resume=False
    )
    assert (model.config.levels, model.preset) == (5, "custom")
    toml.write_text('method = "pix2pix"\nwidht = 4\n')
    with pytest.raises(ConfigError, match="Did you mean 'width'"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "n", config=toml)
    with pytest.raises(ConfigError, match="no head start"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "n", preset="pix2pix-small", steps=0)
    with pytest.raises(InputError, match="200 x 200 px; training needs at least 256"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "n", preset="pix2pix", steps=1)
    with pytest.raises(ConfigError, match="critic"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "n", preset="pix2pix", critic="mse")


def test_a_stopped_training_leaves_a_model_and_goes_on_to_the_same_end(translated, folders, tmp_path):
    pairs = crosslight.find_pairs(folders / "A", folders / "B", split=folders / "split.csv").part("train")
    out, seen = tmp_path / "model", []

    def stop(done: float, total: float, label: str) -> None:
        seen.append(label)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_pairs(pairs, out, config=CONFIG, steps=4, device="cpu", progress=stop)
    assert not open_model(out).training["finished"]
    resumed = fit_pairs(pairs, out, config=CONFIG, steps=4, device="cpu", resume=True)
    assert resumed.fingerprint == open_model(translated).fingerprint
    assert not (out / "checkpoint").exists()
    assert seen[0].startswith("training: adversarial ")


def test_originals_are_a_model_like_others(folders, tmp_path):
    crosslight.fit(folders / "A", folders / "B", out=tmp_path / "m", preset="originals", device="cpu")
    assert {f.name for f in (tmp_path / "m").iterdir()} == {"model.json", "preview.png"}
    out = tmp_path / "index"
    with crosslight.Index.build([folders / "A"], tmp_path / "m", modality="A", out=out, device="cpu") as index:
        assert index.info()["preset"] == "originals"
        hits = index.search([folders / "A" / "image4.png"], modality="A")[0].hits
    assert hits[0].image == "image4"
    assert hits[0].placement is not None
    with pytest.raises(InputError, match="already holds a finished model"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "m", preset="originals")
    (tmp_path / "m" / "model.json").write_text('{"method": "identity"}')
    with pytest.raises(ModelError, match="damaged"):
        open_model(tmp_path / "m")
