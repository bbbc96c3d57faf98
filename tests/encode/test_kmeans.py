"""Full and mini-batch k-means."""

import numpy as np
import pytest

from crosslight.config import VocabularyConfig
from crosslight.encode.kmeans import find_centres
from crosslight.errors import ConfigError
from crosslight.progress import silent


def clouds(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Return points around five centres, and the centres."""
    rng = np.random.default_rng(0)
    middles = 5 * np.eye(5, 8)
    return (middles[np.arange(n) % 5] + 0.3 * rng.normal(size=(n, 8))).astype(np.float32), middles


def distortion(rows: np.ndarray, centres: np.ndarray) -> float:
    return float(((rows[:, None] - centres) ** 2).sum(axis=2).min(axis=1).mean())


@pytest.mark.parametrize("kmeans", ["full", "mini-batch"])
def test_the_middles_of_clear_clouds_are_found(kmeans):
    rows, middles = clouds()
    config = VocabularyConfig(kmeans=kmeans, batch=64, iterations=10)
    found = find_centres(rows, 5, config, silent)
    nearest = np.linalg.norm(found[:, None] - middles, axis=2)
    assert sorted(nearest.argmin(axis=1)) == [0, 1, 2, 3, 4]
    assert nearest.min(axis=1).max() < 0.1


def test_mini_batches_come_near_the_full_result_on_noise():
    rows = np.random.default_rng(1).normal(size=(4000, 8)).astype(np.float32)
    full = find_centres(rows, 40, VocabularyConfig(iterations=10), silent)
    batched = find_centres(rows, 40, VocabularyConfig(kmeans="mini-batch", batch=256, iterations=3), silent)
    start = distortion(rows, rows[:40])
    assert distortion(rows, batched) - distortion(rows, full) < 0.15 * (start - distortion(rows, full))


def test_one_batch_of_everything_is_one_step_of_the_plain_method():
    rows, _ = clouds(50)
    found = find_centres(rows, 5, VocabularyConfig(kmeans="mini-batch", batch=50, iterations=1), silent)
    nearest = ((rows[:, None] - rows[:5]) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_allclose(found, [rows[nearest == k].mean(axis=0) for k in range(5)], atol=1e-5)


def test_the_same_seed_gives_the_same_centres_and_progress_counts_rounds():
    rows, seen = clouds()[0], []
    config = VocabularyConfig(kmeans="mini-batch", batch=100, iterations=3)
    first = find_centres(rows, 7, config, lambda done, total, label: seen.append((done, total)))
    np.testing.assert_array_equal(first, find_centres(rows, 7, config, silent))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="'full' or 'mini-batch'"):
        VocabularyConfig(kmeans="minibatch")
