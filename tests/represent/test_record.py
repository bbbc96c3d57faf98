"""Model folders: written whole, read back, refused with what to do."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from crosslight.errors import ConfigError, ModelError
from crosslight.represent.record import hash_parts, is_finished, read_record, read_record_of, write_model

RECORD = {"format_version": 3, "method": "made-up", "training": {"finished": True}}


def test_a_written_folder_holds_the_record_and_the_weights_and_nothing_else(tmp_path: Path) -> None:
    network = nn.Conv2d(3, 2, 1)
    write_model(tmp_path / "model", RECORD, {"a": network})
    assert {f.name for f in (tmp_path / "model").iterdir()} == {"model.json", "a.safetensors"}
    assert read_record_of(tmp_path / "model", "made-up", 3) == RECORD
    assert torch.equal(load_file(tmp_path / "model" / "a.safetensors")["weight"], network.weight)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, ModelError, r"is not a model.*crosslight fit"),
        ("{", ModelError, "cannot be read.*copy the model again"),
        ("[1]", ModelError, "damaged"),
        ('{"method": "made-up"}', ModelError, "no format_version.*train it anew"),
        ('{"method": "made-up", "format_version": 2}', ModelError, "format 2, .*reads 3; train it anew"),
        ('{"method": "made-up", "format_version": 4}', ModelError, "format 4, .*reads 3; update Crosslight"),
        ('{"method": "pix2pix", "format_version": 3}', ConfigError, "is a pix2pix model, not made-up"),
        ('{"format_version": 3}', ConfigError, "is a comir model, not made-up"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(
    tmp_path: Path, text: str | None, error: type[Exception], words: str
) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(error, match=words):
        read_record_of(tmp_path, "made-up", 3)


def test_a_file_in_place_of_a_folder_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(ModelError, match="is not a model"):
        read_record(tmp_path / "model")


@pytest.mark.parametrize(
    ("training", "finished"), [({"finished": True}, True), ({"finished": False}, False), ({}, False)]
)
def test_a_model_is_finished_when_its_record_says_so(tmp_path: Path, training: dict[str, bool], finished: bool) -> None:
    assert not is_finished(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps({"training": training}))
    assert is_finished(tmp_path) is finished


def test_the_hash_follows_settings_weights_and_their_order() -> None:
    torch.manual_seed(0)
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    hashes = [hash_parts(p) for p in ([one, two], [two, one], [[1], one, two], [[2], one, two])]
    assert len(set(hashes)) == 4 and hash_parts([one, two]) == hashes[0]
