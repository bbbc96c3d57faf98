"""Disc codes: what is kept of discs, how queries are compared with them, and the file they are kept in."""

import json
import math
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


@pytest.mark.parametrize("unseen", [0, 25])
def test_axes_see_the_means_over_bins_or_do_not(unseen: int) -> None:
    codes = learn_codes([discs(150, seed) for seed in range(4)], unseen_means=unseen)
    some = discs(5, 8)
    stronger = some + np.repeat([0.1, 0, -0.05, 0], 25).astype(np.float32)
    same = (codes.project(some) * codes.project(stronger)).sum(axis=1)
    assert same.min() > 0.999 if unseen else same.max() < 0.99


@pytest.mark.parametrize("n", [1, 2])
def test_codes_of_one_or_two_discs_are_finite(n: int) -> None:
    few = learn_codes([discs(n)])
    assert np.isfinite(few.project(discs(5, 3))).all()


def compare_slowly(query: np.ndarray, steps: np.ndarray, image: np.ndarray) -> float:
    """Return what `compare_discs` does for one image, disc by disc."""
    rows, columns = image.shape[:2]
    best = -1.0
    for turn, places in zip(query, steps, strict=True):
        for y, x in np.ndindex(rows, columns):
            found = []
            for disc, (dx, dy) in zip(turn, places, strict=True):
                left, top = x + math.floor(dx), y + math.floor(dy)
                near = [(r, c) for r in (top, top + 1) for c in (left, left + 1)]
                found.append(max(disc @ image[r, c] / 127 if 0 <= r < rows and 0 <= c < columns else 0
                                 for r, c in near))  # fmt: skip
            best = max(best, float(np.mean(found)))
    return best


def test_discs_are_found_where_they_lie_as_in_the_query(codes: DiscCodes, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = ((5, 6), (1, 1), (4, 3), (5, 6), (8, 5))
    images = [codes.encode(discs(h * w, seed)).reshape(h, w, 64) for seed, (h, w) in enumerate(shapes)]
    steps = np.array([[(0, 0), (1.6, 0.3), (-1.2, 2.4)], [(0, 0), (2, 0), (-1, 1)]], float)
    query = codes.project(discs(6, 5)).reshape(2, 3, 64)
    query[1] = images[2][[1, 1, 2], [1, 2, 0]].astype(np.float32) / 127
    steps[1] = [(0.4, 0.4), (0.9, 0.2), (-1.3, 0.7)]
    slow = [compare_slowly(query, steps, image.astype(np.float32)) for image in images]
    for at_once in (2**14, 20):
        monkeypatch.setattr(disc_codes, "DISCS_AT_ONCE", at_once)
        similarities = compare_discs(query, steps, images)
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
        ({"format_version": 9}, IndexMismatchError, "has disc format 9"),
    ):
        codes.save(tmp_path)
        with safe_open(path, framework="numpy") as file:
            record = json.loads(file.metadata()["crosslight"]) | change
            arrays = {name: file.get_tensor(name) for name in ARRAYS}
        save_file(arrays, path, {"crosslight": json.dumps(record)})
        with pytest.raises(error, match=words):
            DiscCodes.load(tmp_path)
