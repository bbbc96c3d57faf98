"""An index by another describer than the default."""

import pytest

import crosslight
from crosslight.errors import ConfigError, IndexMismatchError, ModelError


def test_an_index_by_sift_finds_its_images_and_remembers_how_it_was_made(folders, model_folder, tmp_path):
    out = tmp_path / "index"
    arguments = {"modality": "A", "out": out, "device": "cpu"}
    crosslight.Index.build([folders / "A"], model_folder, describer="sift", **arguments).close()
    with crosslight.Index.open(out, device="cpu") as index:
        assert index.manifest.config.describe.name == "sift"
        ranking = index.search([folders / "A" / "image5.png"], modality="A", rerank="none")[0]
    assert ranking.hits[0].image == "image5"
    with pytest.raises(IndexMismatchError, match="settings of its own"):
        crosslight.Index.build([folders / "A"], model_folder, describer="surf", **arguments)


def test_describers_that_cannot_work_are_refused_before_anything_is_written(
    folders, model_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("CROSSLIGHT_CACHE", str(tmp_path / "empty"))
    for name, error in (("sfit", ConfigError), ("resnet", ModelError)):
        with pytest.raises(error):
            crosslight.Index.build(
                [folders / "A"], model_folder, modality="A", out=tmp_path / "index", describer=name, device="cpu"
            )
    assert not (tmp_path / "index").exists()
