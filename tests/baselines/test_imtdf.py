"""IMTDF: moments and ReliefF against plain rewrites, invariance of textures, and search."""

import numpy as np
import pytest

from crosslight.baselines.chebyshev import chebyshev_moments, chebyshev_polynomials
from crosslight.baselines.imtdf import Imtdf, ImtdfConfig, haralick_features
from crosslight.baselines.relieff import relieff
from crosslight.errors import ConfigError, InputError
from crosslight.types import Image, Pair

pytest.importorskip("mahotas")


def texture(seed: int, side: int = 64) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grain = int(rng.integers(2, 9))
    coarse = rng.integers(0, 256, (side // grain + 1,) * 2, dtype=np.uint8)
    return np.kron(coarse, np.ones((grain, grain), np.uint8))[:side, :side]


def make_pair(seed: int) -> Pair:
    pixels, name = texture(seed), f"pair{seed:02d}"
    return Pair(
        name=name,
        a=Image(pixels=np.repeat(pixels[:, :, None], 3, axis=2), name=name),
        b=Image(pixels=(pixels // 2 + 60)[:, :, None], name=name),
    )


@pytest.mark.parametrize("n", [3, 20, 257])
def test_chebyshev_polynomials_are_orthonormal_with_rising_degree(n):
    rows = chebyshev_polynomials(n, 5)
    real = min(5, n - 1) + 1
    np.testing.assert_allclose(rows[:real] @ rows[:real].T, np.eye(real), atol=1e-10)
    assert not rows[real:].any()
    for degree in range(real):
        fitted = np.polynomial.Polynomial.fit(np.arange(n), rows[degree], degree)
        np.testing.assert_allclose(fitted(np.arange(n)), rows[degree], atol=1e-8)
        assert rows[degree][-1] > 0


def test_all_chebyshev_moments_of_a_small_image_rebuild_it():
    image = np.random.default_rng(0).random((4, 4)).astype(np.float32)
    values, rows = chebyshev_moments(image, 6) * 4, chebyshev_polynomials(4, 6)
    terms = [(p, q) for p in range(7) for q in range(7 - p)]
    rebuilt = sum(v * np.outer(rows[p], rows[q]) for v, (p, q) in zip(values, terms, strict=True))
    np.testing.assert_allclose(rebuilt, image, atol=1e-6)


def test_the_first_moment_is_the_mean_whatever_the_size():
    for shape in ((16, 16), (40, 70)):
        assert chebyshev_moments(np.full(shape, 0.3, np.float32), 2)[0] == pytest.approx(0.3)


def test_relieff_equals_a_plain_rewrite_and_finds_the_feature_that_tells():
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 3)
    features = rng.random((12, 5))
    features[:, 2] = classes + 0.1 * rng.random(12)
    found = relieff(features, classes, 2)
    spread = features.max(0) - features.min(0)
    expected = np.zeros(5)
    for i in range(12):

        def nearest(label, i=i):
            others = [j for j in range(12) if classes[j] == label and j != i]
            return sorted(others, key=lambda j: np.abs((features[i] - features[j]) / spread).sum())[:2]

        for label in range(4):
            gap = np.mean([np.abs(features[i] - features[j]) / spread for j in nearest(label)], axis=0)
            expected += -gap / 12 if label == classes[i] else gap * (1 / 4) / (3 / 4) / 12
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.argmax() == 2


def test_quarter_turns_and_flips_leave_the_texture_features():
    image = texture(3).astype(np.float32) / 255
    for turned in (np.rot90(image), image[::-1], image.T):
        np.testing.assert_allclose(haralick_features(np.ascontiguousarray(turned)), haralick_features(image), rtol=1e-9)


def test_pairs_are_found_by_moments_and_texture():
    pairs = [make_pair(seed) for seed in range(12)]
    method = Imtdf()
    method.fit(pairs[:8], query="B")
    method.index([p.a for p in pairs], modality="A")
    assert [method.search(p.a, modality="A")[0][0] for p in pairs] == [p.name for p in pairs]
    ranks = [[name for name, _ in method.search(p.b, modality="B")].index(p.name) + 1 for p in pairs]
    assert np.median(ranks) <= 4  # chance: 6.5


def test_a_fifth_of_texture_and_deep_features_is_kept(tiny_resnet):
    pairs = [make_pair(seed) for seed in range(4)]
    for config, kept in ((ImtdfConfig(), 21 + 5), (ImtdfConfig(weights=str(tiny_resnet)), 21 + round(0.2 * (26 + 32)))):
        method = Imtdf(config)
        method.fit(pairs, query="A")
        assert len(method._selection.chosen) == kept


def test_settings_and_inputs_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="kept"):
        ImtdfConfig(kept=0)
    with pytest.raises(InputError, match="at least two"):
        Imtdf().fit([make_pair(0)], query="A")
