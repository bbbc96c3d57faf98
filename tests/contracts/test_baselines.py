"""Every whole-method baseline of the registry is called, answers and refuses alike."""

from dataclasses import replace

import numpy as np
import pytest

from crosslight.baselines.base import Baseline
from crosslight.errors import ConfigError, InputError
from crosslight.registry import load, names
from crosslight.types import Image, Pair

QUICK = {
    "tcnet": {"blocks": (2, 2), "growth": 8, "stem": 8, "image_px": 32, "n_pairs": 4, "steps": 2},
    "2dkd": {"n_query_places": 50},  # its single place lies off the grid and need not find itself
}
N = 5


@pytest.fixture(params=sorted(names("baseline")))
def name(request: pytest.FixtureRequest) -> str:
    pytest.importorskip("mahotas")
    return str(request.param)


def make(name: str, seed: int = 0) -> Baseline:
    kind = load("baseline", name)
    return kind(replace(kind.presets["default"], **QUICK.get(name, {})), seed=seed)


def make_image(seed: int, height: int = 80, width: int = 96, n_channels: int = 3) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, n_channels))
    pixels = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)
    return Image(pixels=pixels, name=f"image{seed}")


PAIRS = [Pair(name=f"image{i}", a=make_image(i), b=make_image(i, n_channels=1)) for i in range(N)]


@pytest.fixture
def ready(name: str) -> Baseline:
    method = make(name)
    method.fit(PAIRS, query="B")
    method.index([p.a for p in PAIRS], modality="A")
    return method


def test_every_image_is_ranked_once_best_first(ready: Baseline) -> None:
    found = ready.search(make_image(2, n_channels=1), modality="B")
    assert sorted(name for name, _ in found) == [p.name for p in PAIRS]
    similarities = [s for _, s in found]
    assert similarities == sorted(similarities, reverse=True)
    assert all(isinstance(s, float) for s in similarities)


def test_an_image_finds_itself(ready: Baseline) -> None:
    assert [ready.search(p.a, modality="A")[0][0] for p in PAIRS] == [p.name for p in PAIRS]


def test_the_same_calls_give_the_same_answer(name: str, ready: Baseline) -> None:
    again = make(name)
    again.fit(PAIRS, query="B")
    again.index([p.a for p in PAIRS], modality="A")
    query = make_image(3, 60, 50, 1)
    assert again.search(query, modality="B") == ready.search(query, modality="B")


def test_tiny_flat_and_deep_images_are_answered(ready: Baseline) -> None:
    rng = np.random.default_rng(0)
    odd = [
        make_image(9, 16, 16, 1),
        Image(pixels=np.zeros((40, 40, 3), np.uint8), name="black"),
        Image(pixels=rng.integers(0, 65536, (40, 300, 2), dtype=np.uint16), name="deep"),
        Image(pixels=rng.random((40, 40, 1), dtype=np.float32), name="float"),
    ]
    for query in odd:
        assert len(ready.search(query, modality="B")) == N
    ready.index(odd, modality="A")
    found = ready.search(PAIRS[0].b, modality="B")
    assert sorted(name for name, _ in found) == ["black", "deep", "float", "image9"]
    assert not any(np.isnan(s) for _, s in found)


def test_asking_too_early_and_bad_repositories_are_refused_in_a_sentence(name: str) -> None:
    method = make(name)
    with pytest.raises(ConfigError, match=r"call (index|fit) with .* first\."):
        method.search(PAIRS[0].a, modality="A")
    method.fit(PAIRS, query="A")
    with pytest.raises(ConfigError, match="call index with the repository's images first"):
        method.search(PAIRS[0].a, modality="A")
    with pytest.raises(InputError, match="no image to search among"):
        method.index([], modality="A")
    with pytest.raises(InputError, match="called 'image0'"):
        method.index([PAIRS[0].a, PAIRS[0].a], modality="A")


def test_a_baseline_that_learns_refuses_to_index_before(name: str) -> None:
    method = make(name)
    if not method.learns:
        pytest.skip("nothing to learn")
    with pytest.raises(ConfigError, match="call fit with aligned pairs first"):
        method.index([PAIRS[0].a], modality="A")


def test_both_presets_exist(name: str) -> None:
    assert {"default", "paper"} <= set(load("baseline", name).presets)
