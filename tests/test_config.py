"""Settings: values of the wrong kind or size are refused in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from crosslight.cli.options import PresetName
from crosslight.config import PRESETS, TRANSLATION_PRESETS, FitConfig, NetworkConfig, OptimizerConfig, preset
from crosslight.errors import ConfigError
from crosslight.settings import from_dict, read_settings, to_dict


def test_settings_survive_the_way_through_a_dictionary() -> None:
    config = FitConfig(optimizer=OptimizerConfig(steps=7, learning_rate=1))
    assert from_dict(FitConfig, to_dict(config)) == config


def test_every_preset_is_offered_and_names_itself() -> None:
    assert {name.value for name in PresetName} == {*PRESETS, *TRANSLATION_PRESETS, "originals"}
    assert all(settings.preset == name for name, settings in {**PRESETS, **TRANSLATION_PRESETS}.items())


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('[network]\nn_channels = "a"', "n_channels is 'a'; a whole number is expected"),
        ("[network]\nn_channels = true", "n_channels is True; a whole number is expected"),
        ("[network]\nwidths = [1.5, 2]", r"widths is \[1.5, 2\]; a list, each a whole number, is expected"),
        ("network = 3", r"network is 3; it is a group of settings: \[network\] in TOML"),
        ("log_a = 1", "log_a is 1; a text is expected"),
        ("[optimizer]\nlearning_rate = -1", "learning_rate is -1; use 0 or more"),
        ("[loss]\nwindow = 1.2", "window is 1.2; use a share of the crop"),
        ("[optimizer]\nlerning_rate = 1", "Did you mean 'learning_rate'"),
        ("method = 'pix2pix'\nlearning_rate = -1.0", "learning_rate is -1.0; use 0 or more"),
        ("network = ", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, toml: str, words: str) -> None:
    (tmp_path / "settings.toml").write_text(toml)
    with pytest.raises(ConfigError, match=words):
        read_settings(tmp_path / "settings.toml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml cannot be read: No such file or directory\."):
        read_settings(tmp_path / "none.toml")


def test_cells_given_with_the_network_are_not_chosen_over() -> None:
    default = preset("default")
    assert default.cells == (3, 2) and preset("paper").cells == (0,)
    assert replace(default, network=NetworkConfig(cell_px=4)).cells == (4,)
    assert replace(default, network=NetworkConfig(stride=2)).cells == (2,)
