from pathlib import Path

import cv2
import numpy as np
import pytest

from crosslight.errors import InputError
from crosslight.evaluate.folds import find_folds

LETTERS = "abcdef"


def write(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((32, 32), value, np.uint8))


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Return a tiny folder in the layout of the bright-field / second-harmonic benchmark."""
    for folder, ids in (("TrainSet", "ab"), ("Validation1Set", "c"), ("TestSet", "def")):
        for i in ids:
            for kind in ("BF", "SHG"):
                write(tmp_path / folder / f"1B_{i}_{kind}.tif", LETTERS.index(i))
                write(tmp_path / folder / f"1B_{i}_T_{kind}.png")
    return tmp_path


@pytest.fixture
def aerial(tmp_path: Path) -> Path:
    """Return three tiny folds in the layout of the aerial benchmark."""
    for fold, ids in enumerate(("ab", "cd", "ef"), start=1):
        for level in (1, 4):
            for i in ids:
                for side in "AB":
                    for which in "RT":
                        folder = tmp_path / f"fold{fold}" / f"patch_tlevel{level}" / side / "test"
                        write(folder / f"zh{i}_01_{which}.png", 10 * level)
    return tmp_path


def test_benchmark_layout_is_found_without_any_option(benchmark: Path) -> None:
    (fold,) = find_folds(benchmark)
    assert {part: list(names) for part, names in fold.parts.items()} == {
        "train": ["1B_a", "1B_b"],
        "val": ["1B_c"],
        "test": ["1B_d", "1B_e", "1B_f"],
        "all": [f"1B_{i}" for i in LETTERS],
    }
    pair = fold.pairs("test")[1]
    assert pair.name == "1B_e" and pair.a.pixels[0, 0, 0] == 4
    assert fold.files["1B_e"][0].name == "1B_e_BF.tif" and fold.turned == {}


def test_other_names_and_transformed_images_are_found_by_pattern(benchmark: Path) -> None:
    (fold,) = find_folds(
        benchmark, pattern=("{id}_SHG.tif", "{id}_BF.tif"), turned_pattern=("{id}_T_SHG.png", "{id}_T_BF.png")
    )
    assert fold.files["1B_d"][0].name == "1B_d_SHG.tif"
    assert fold.turned["1B_d"][1].name == "1B_d_T_BF.png" and len(fold.turned) == 3


def test_aerial_folds_train_on_each_other_and_ask_the_largest_displacement(aerial: Path) -> None:
    folds = find_folds(aerial)
    assert [f.name for f in folds] == ["fold1", "fold2", "fold3"]
    assert folds[1].parts["test"] == ["zhc_01", "zhd_01"]
    assert folds[1].parts["train"] == ["zha_01", "zhb_01", "zhe_01", "zhf_01"]
    assert folds[1].files["zhc_01"][0].name == "zhc_01_R.png"
    assert folds[1].pairs("test")[0].b.pixels[0, 0, 0] == 40
    assert folds[1].turned["zhc_01"][0].name == "zhc_01_T.png"


def test_a_fold_with_its_own_training_images_uses_them(aerial: Path) -> None:
    for side in "AB":
        write(aerial / "fold1" / "patch_tlevel4" / side / "train" / "own.png")
    assert find_folds(aerial)[0].parts["train"] == ["own"]


def test_two_folders_and_a_split(folders: Path) -> None:
    (fold,) = find_folds(folders / "A", folders / "B", split=folders / "split.csv")
    assert fold.parts["test"] == ["image8", "image9"] and len(fold.parts["all"]) == 10


def test_without_a_split_every_pair_is_asked_and_none_trained_on(folders: Path) -> None:
    (fold,) = find_folds(folders / "A", folders / "B")
    assert len(fold.parts["test"]) == 10 and fold.parts["train"] == []


def test_a_pair_in_two_parts_is_refused(benchmark: Path) -> None:
    for kind in ("BF", "SHG"):
        write(benchmark / "TrainSet" / f"1B_d_{kind}.tif")
    with pytest.raises(InputError, match="1B_d"):
        find_folds(benchmark)


def test_a_missing_transformed_image_is_named(benchmark: Path) -> None:
    for kind in ("BF", "SHG"):
        (benchmark / "TestSet" / f"1B_e_T_{kind}.png").unlink()
    with pytest.raises(InputError, match="1B_e"):
        find_folds(benchmark, turned_pattern=("{id}_T_BF.png", "{id}_T_SHG.png"))


def test_an_unknown_layout_says_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TestSet nor fold1"):
        find_folds(tmp_path)


def test_a_split_is_refused_where_folders_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "TestSet").mkdir()
    with pytest.raises(InputError, match="leave --split out"):
        find_folds(tmp_path, split=tmp_path / "split.csv")
