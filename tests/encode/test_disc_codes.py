"""Disc codes: what is kept of discs, how queries are compared with them, and the file they are kept in."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from crosslight.encode import disc_codes
from crosslight.encode.disc_codes import ARRAYS, FILE_NAME, DiscCodes, compare_discs, learn_codes
from crosslight.errors import IndexCorruptError, IndexMismatchError


def discs(n: int, seed: int = 0, n_values: int = 100, rank: int = 20) -> np.ndarray:
    """Return rows of unit length that vary in a few directions around a mean."""
    rng = np.random.default_rng(seed)
    basis = np.random.default_rng(99).normal(size=(rank, n_values)) * np.linspace(1, 0.3, rank)[:, None]
    rows = 3 + rng.normal(size=(n, rank)) @ basis
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture
def codes() -> DiscCodes:
    return learn_codes([discs(150, seed) for seed in range(4)])


def test_codes_take_64_bytes_and_keep_the_order_of_similarities(codes: DiscCodes) -> None:
    there, asked = discs(50, 7), discs(5, 8)
    stored = codes.encode(there)
    assert stored.shape == (50, 64) and stored.dtype == np.int8
    exact = codes.project(asked) @ codes.project(there).T
    np.testing.assert_allclose(codes.project(asked) @ stored.T / 127, exact, atol=0.02)


def test_a_disc_with_nothing_to_see_resembles_nothing(codes: DiscCodes) -> None:
    assert not codes.project(np.zeros((2, 100), np.float32)).any()


@pytest.mark.parametrize("n", [1, 2])
def test_codes_of_one_or_two_discs_are_finite(n: int) -> None:
    few = learn_codes([discs(n)])
    assert np.isfinite(few.project(discs(5, 3))).all()


def test_the_best_turn_counts_and_each_disc_takes_its_best_match(
    codes: DiscCodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [codes.encode(discs(n, seed)) for n, seed in ((30, 1), (1, 2), (12, 3), (40, 4))]
    query = codes.project(discs(6, 5)).reshape(2, 3, 64)
    query[1] = images[2][[0, 5, 7]].astype(np.float32) / 127
    slow = [max(np.mean([max(row @ d / 127 for d in image.astype(np.float32)) for row in turn]) for turn in query)
            for image in images]  # fmt: skip
    for at_once in (2**14, 20):
        monkeypatch.setattr(disc_codes, "ROWS_AT_ONCE", at_once)
        similarities = compare_discs(query, images)
        np.testing.assert_allclose(similarities, slow, rtol=1e-4)
    assert similarities.argmax() == 2


def test_codes_come_back_from_their_file(codes: DiscCodes, tmp_path: Path) -> None:
    codes.save(tmp_path)
    again = DiscCodes.load(tmp_path)
    assert again.fingerprint == codes.fingerprint
    np.testing.assert_array_equal(again.axes, codes.axes)


def test_damage_and_other_formats_are_refused(codes: DiscCodes, tmp_path: Path) -> None:
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        DiscCodes.load(tmp_path)
    codes.save(tmp_path)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(IndexCorruptError, match="cannot be read"):
        DiscCodes.load(tmp_path)
    for change, error, words in (
        ({"fingerprint": "other"}, IndexCorruptError, "has changed"),
        ({"format_version": 9}, IndexMismatchError, "has format 9"),
    ):
        codes.save(tmp_path)
        with safe_open(path, framework="numpy") as file:
            record = json.loads(file.metadata()["crosslight"]) | change
            arrays = {name: file.get_tensor(name) for name in ARRAYS}
        save_file(arrays, path, {"crosslight": json.dumps(record)})
        with pytest.raises(error, match=words):
            DiscCodes.load(tmp_path)
