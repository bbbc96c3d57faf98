"""The paper's re-ranking: where patches lie, and that the right image comes first."""

from functools import partial

import numpy as np
import pytest

from crosslight.config import DescribeConfig, VocabularyConfig
from crosslight.describe.surf import Surf
from crosslight.encode.vocabulary import build_vocabulary
from crosslight.rerank.patches import cut_patches, patch_starts, rerank_patches
from crosslight.types import Representation

SURF = Surf(DescribeConfig())
BUILD_WORDS = partial(build_vocabulary, config=VocabularyConfig(n_words=200))


def textured(seed: int, height: int = 96, width: int = 96, n_channels: int = 2) -> Representation:
    """Smooth random values at stride 2."""
    rng = np.random.default_rng(seed)
    values = np.zeros((n_channels, height, width))
    for cell in (3, 7):
        coarse = rng.normal(size=(n_channels, height // cell + 1, width // cell + 1))
        values += np.kron(coarse, np.ones((1, cell, cell)))[:, :height, :width]
    return Representation.rounded(values.astype(np.float32), 2)


def window(image: Representation, row: int, col: int, side: int) -> Representation:
    return Representation(values=image.values[:, row : row + side, col : col + side].copy(), stride=image.stride)


@pytest.mark.parametrize(
    ("length", "patch", "starts"),
    [
        (100, 100, [0]),
        (100, 50, [0, 50]),
        (100, 51, [0, 49]),
        (100, 40, [0, 30, 60]),
        (101, 40, [0, 31, 61]),
        (100, 1000, [0]),
        (3, 1, [0, 1, 2]),
    ],
)
def test_the_fewest_patches_cover_the_axis_from_end_to_end(length, patch, starts):
    assert patch_starts(length, patch) == starts


def test_patches_cover_every_pixel_of_the_image():
    image = Representation(values=np.zeros((1, 70, 45), np.float32), stride=2)
    patches = list(cut_patches(image, 32, 20))
    assert [p.values.shape for p in patches] == [(1, 32, 20)] * 9
    for patch in patches:
        patch.values[:] = 1
    assert image.values.all()


def test_the_image_that_holds_the_query_comes_first():
    images = [(f"image {k}", textured(k)) for k in range(5)]
    for k in range(5):
        query = window(images[k][1], 48, 0, 48)
        ranking = rerank_patches(query, images, SURF, BUILD_WORDS)
        assert ranking[0] == (f"image {k}", pytest.approx(1, abs=1e-5))
        assert sorted(name for name, _ in ranking) == [name for name, _ in images]
        similarities = [similarity for _, similarity in ranking]
        assert similarities == sorted(similarities, reverse=True)
        assert all(0 <= s <= 1 for s in similarities)


def test_a_second_run_gives_the_same_ranking():
    images = [(f"image {k}", textured(k)) for k in range(4)]
    query = window(textured(9), 0, 0, 40)
    first = rerank_patches(query, images, SURF, BUILD_WORDS)
    assert rerank_patches(query, images, SURF, BUILD_WORDS) == first


def test_without_room_to_keep_descriptors_the_ranking_is_the_same(monkeypatch):
    images = [(f"image {k}", textured(k)) for k in range(4)]
    query = window(images[2][1], 24, 8, 40)
    kept = rerank_patches(query, images, SURF, BUILD_WORDS)
    monkeypatch.setattr("crosslight.rerank.patches.KEPT_BYTES", 0)
    assert rerank_patches(query, images, SURF, BUILD_WORDS) == kept


def test_images_of_other_sizes_and_a_query_larger_than_an_image_are_ranked():
    images = [("small", textured(0, 30, 96)), ("wide", textured(1, 64, 120)), ("same", textured(2, 64, 64))]
    ranking = rerank_patches(textured(2, 64, 64), images, SURF, BUILD_WORDS)
    assert ranking[0][0] == "same"
    assert len(ranking) == 3


def test_with_nothing_to_see_the_order_given_stays():
    flat = Representation(values=np.zeros((2, 64, 64), np.float32), stride=2)
    images = [("b", textured(0)), ("a", textured(1))]
    assert rerank_patches(flat, images, SURF, BUILD_WORDS) == [("b", 0.0), ("a", 0.0)]
    assert rerank_patches(textured(0), [("z", flat), ("y", flat)], SURF, BUILD_WORDS) == [("z", 0.0), ("y", 0.0)]
    tiny = textured(0, 10, 10)
    assert rerank_patches(tiny, images, SURF, BUILD_WORDS) == [("b", 0.0), ("a", 0.0)]
    assert rerank_patches(textured(0), [], SURF, BUILD_WORDS) == []
