"""fit writes a usable model, keeps what was learnt, and refuses what it cannot use."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import crosslight
from crosslight.config import FitConfig
from crosslight.errors import ConfigError, InputError
from crosslight.pipeline.fit import fit_pairs
from crosslight.read.pairs import find_pairs


def test_the_model_folder_holds_all_that_the_design_promises(model_folder: Path) -> None:
    names = {p.name for p in model_folder.iterdir()}
    assert names == {"model.json", "a.safetensors", "b.safetensors", "training.csv", "preview.png"}
    record = json.loads((model_folder / "model.json").read_text())
    assert record["training"]["finished"] and record["training"]["n_pairs"] == 6
    assert record["modalities"]["A"]["intensity"]["n_channels"] == 3
    assert len((model_folder / "training.csv").read_text().splitlines()) == 61


def test_a_finished_model_is_never_overwritten(folders: Path, model_folder: Path) -> None:
    before = (model_folder / "a.safetensors").read_bytes()
    with pytest.raises(InputError, match="already holds a finished model"):
        crosslight.fit(folders / "A", folders / "B", out=model_folder, steps=1)
    assert (model_folder / "a.safetensors").read_bytes() == before


def test_ctrl_c_leaves_a_usable_model_and_resume_goes_on(folders: Path, quick: FitConfig, tmp_path: Path) -> None:
    pairs = find_pairs(folders / "A", folders / "B", split=folders / "split.csv")
    out = tmp_path / "model"
    calls = []

    def interrupt(done: float, total: float, label: str) -> None:
        calls.append(done)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_pairs(pairs.part("train"), out, config=quick, steps=8, device="cpu", progress=interrupt)
    usable = crosslight.Model.load(out)
    assert usable.training["steps"] == 5 and not usable.training["finished"]
    done = fit_pairs(pairs.part("train"), out, config=quick, steps=8, device="cpu", resume=True)
    assert done.training["steps"] == 8 and done.training["finished"]
    assert not (out / "checkpoint").exists()


def test_the_test_split_is_never_opened(folders: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(folders, root)
    for name in ("image8", "image9"):
        (root / "A" / f"{name}.png").write_bytes(b"not an image")
    crosslight_config = tmp_path / "quick.toml"
    crosslight_config.write_text('start = "random"\n[network]\nn_channels = 1\nwidths = [8, 8]\nstride = 4\n')
    crosslight.fit(
        root / "A", root / "B", out=tmp_path / "model", split=root / "split.csv", config=crosslight_config, steps=1
    )
    assert (tmp_path / "model" / "model.json").exists()


def test_images_smaller_than_a_crop_are_refused_by_name(tmp_path: Path) -> None:
    for side in "AB":
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "tiny.png"), np.zeros((100, 300), np.uint8))
    with pytest.raises(InputError, match="tiny is 300 x 100 px; training needs at least 128"):
        crosslight.fit(tmp_path / "A", tmp_path / "B", out=tmp_path / "model", steps=1)


def test_pairs_of_unequal_size_are_refused_with_both_sizes(folders: Path, tmp_path: Path) -> None:
    for side, width in (("A", 200), ("B", 190)):
        (tmp_path / side).mkdir()
        cv2.imwrite(str(tmp_path / side / "one.png"), np.zeros((200, width), np.uint8))
    with pytest.raises(InputError, match=r"200.*190|190.*200"):
        crosslight.fit(tmp_path / "A", tmp_path / "B", out=tmp_path / "model", steps=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"preset": "papper"}, "Did you mean 'paper'"),
        ({"critic": "cosine"}, "critic is 'cosine'"),
        ({"minutes": 0}, "minutes is 0"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"steps": -1}, "steps is -1"),
        ({"preset": "paper", "steps": 0}, "paper has no head start"),
        ({"device": "cuda:99"}, "cannot be used here"),
    ],
)
def test_impossible_settings_are_refused_in_one_sentence(
    folders: Path, tmp_path: Path, arguments: dict, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "model", **arguments)


def test_resuming_without_a_checkpoint_says_so(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        crosslight.fit(folders / "A", folders / "B", out=tmp_path / "model", resume=True)
