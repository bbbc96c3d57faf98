"""Made-up scenes and changes of modality."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from crosslight.represent.comir.scenes import DRAWINGS, Noise, cut_scene, join_scenes, paint_scene, stretch, strew
from crosslight.represent.comir.synthetic import Scenery, bend, coarsen, show_edges, synthetic_batch

SIZE_PX = 64


@pytest.fixture(scope="module")
def scenery() -> Scenery:
    photograph = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    return Scenery(photographs=[photograph], size_px=SIZE_PX)


def _edges(picture: np.ndarray) -> np.ndarray:
    rows, cols = np.gradient(cv2.GaussianBlur(picture, (0, 0), 1.5))
    return np.asarray(np.hypot(rows, cols))


def test_a_batch_has_two_views_in_the_unit_range_and_repeats_with_its_seed(scenery: Scenery) -> None:
    first, second = synthetic_batch(scenery, 6, np.random.default_rng(3))
    again, _ = synthetic_batch(scenery, 6, np.random.default_rng(3))
    assert first.shape == second.shape == (6, SIZE_PX, SIZE_PX, 1) and first.dtype == np.float32
    assert min(first.min(), second.min()) >= 0 and max(first.max(), second.max()) <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda d: d.__name__)
def test_both_pictures_of_a_drawn_scene_share_their_outlines(draw, scenery: Scenery) -> None:  # type: ignore[no-untyped-def]
    rng, same, other = np.random.default_rng(5), [], []
    scenes = [draw(SIZE_PX, scenery.noise, rng) for _ in range(30)]
    edges = [[_edges(picture) for picture in scene] for scene in scenes]
    for i, (a, b) in enumerate(edges):
        same.append(_agreement(a, b))
        other.append(_agreement(a, edges[(i + 1) % len(edges)][1]))
    assert np.mean(same) > np.mean(other) + 0.05, (same, other)


def test_a_painted_cut_has_few_tones_each_where_the_other_picture_is_alike() -> None:
    rng, spreads = np.random.default_rng(2), []
    hills = 255 * stretch(cv2.GaussianBlur(rng.standard_normal((200, 300)), (0, 0), 8))
    photograph = np.repeat(hills[..., None], 3, axis=2).astype(np.uint8)
    for _ in range(20):
        flat, shown = sorted(paint_scene([photograph], SIZE_PX, rng), key=lambda picture: len(np.unique(picture)))
        tones = np.unique(flat)
        assert len(tones) <= 13
        spreads.append(sum(shown[flat == t].var() * (flat == t).mean() for t in tones) / shown.var())
    assert np.median(spreads) < 0.4, spreads


def test_joined_scenes_show_both_in_the_same_regions() -> None:
    dark, light = (np.full((SIZE_PX, SIZE_PX), v, np.float32) for v in (0.0, 1.0))
    a, b = join_scenes((dark, dark), (light, light), Noise(SIZE_PX, 0), np.random.default_rng(0))
    np.testing.assert_array_equal(a, b)
    assert 0.05 < a.mean() < 0.95


def test_strewn_things_are_small_and_differ_between_the_pictures() -> None:
    pictures = tuple(np.full((SIZE_PX, SIZE_PX), -1, np.float32) for _ in range(2))
    strew((pictures[0], pictures[1]), np.random.default_rng(3))
    changed = [picture >= 0 for picture in pictures]
    assert all(0 < part.mean() < 0.9 for part in changed)
    assert not np.array_equal(*changed)


def test_edges_and_coarse_pixels_keep_the_size_and_stay_finite() -> None:
    picture, rng = np.random.default_rng(1).random((SIZE_PX, SIZE_PX)).astype(np.float32), np.random.default_rng(4)
    for _ in range(40):
        shown, coarse = show_edges(picture, rng), coarsen(picture, rng)
        assert shown.shape == coarse.shape == picture.shape
        assert np.isfinite(shown).all()
        assert coarse.std() < picture.std()


def test_a_cut_is_larger_than_a_small_photograph_allows_only_by_enlarging() -> None:
    photograph = np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    a, b = cut_scene([photograph], SIZE_PX, np.random.default_rng(0))
    assert a.shape == b.shape == (SIZE_PX, SIZE_PX)


def test_bending_moves_things_by_a_few_pixels_only() -> None:
    rows, cols = np.mgrid[:SIZE_PX, :SIZE_PX].astype(np.float32)
    noise, rng = Noise(SIZE_PX, 0), np.random.default_rng(0)
    moves = [np.abs(bend(grid, noise, rng) - grid)[8:-8, 8:-8] for grid in (rows, cols) for _ in range(10)]
    assert 0.2 < float(np.mean(moves)) < 3
    assert float(np.max(moves)) < 9


def test_stretch_brings_the_percentiles_to_the_unit_range_and_keeps_flat_pictures_finite() -> None:
    x = np.random.default_rng(0).normal(50, 7, (60, 60))
    y = stretch(x)
    assert y.min() == 0 and y.max() == 1 and 0.3 < y.mean() < 0.7
    assert np.isfinite(stretch(np.full((20, 20), 3.0))).all()
