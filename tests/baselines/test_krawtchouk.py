"""Krawtchouk descriptors against direct evaluations, on turned copies, and in search."""

import math

import cv2
import numpy as np
import pytest
from scipy.special import poch

from crosslight.baselines.krawtchouk import (
    Krawtchouk,
    KrawtchoukConfig,
    KrawtchoukPlaces,
    describe_image,
    describe_query,
)
from crosslight.baselines.krawtchouk_moments import (
    INVARIANT_TERMS,
    TERMS,
    coefficients,
    describe_places,
    root_weight,
    to_krawtchouk,
)
from crosslight.errors import ConfigError
from crosslight.types import Image

N = 40


def direct_polynomial(k: int, n: int) -> np.ndarray:
    """The weighted polynomial at x = 0 .. n, term by term from its definition."""
    x = np.arange(n + 1)
    value = sum(poch(-k, i) * poch(-x, i) * 2.0**i / (poch(-n, i) * math.factorial(i)) for i in range(k + 1))
    weight = np.array([float(math.comb(n, int(v))) for v in x]) / 2.0**n
    rho = (-1) ** k * math.factorial(k) / poch(-n, k)
    return value * np.sqrt(weight / rho)


def grid_moments(image: np.ndarray) -> np.ndarray:
    """Weighted geometric moments of one grid by plain sums; image[y, x]."""
    n = len(image) - 1
    u, w = np.arange(n + 1) - n / 2, root_weight(n)
    moments = np.zeros((4, 4, 1))
    for i, j in TERMS:
        moments[i, j, 0] = ((w * u**j)[:, None] * (w * u**i)[None, :] * image).sum()
    return moments


def smooth(seed: int, side: int = 240, sigma: float = 6) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((side, side))
    blurred = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(0.5 + 0.25 * blurred / blurred.std(), 0, 1)


def as_image(values: np.ndarray, name: str = "image") -> Image:
    return Image(pixels=np.rint(values * 255).astype(np.uint8)[:, :, None], name=name)


@pytest.mark.parametrize("n", [8, N, 128])
def test_polynomials_equal_their_definition_and_are_orthonormal(n):
    u = np.arange(n + 1) - n / 2
    ours = [np.polynomial.polynomial.polyval(u, c) * root_weight(n) for c in coefficients(n)]
    for k, values in enumerate(ours):
        np.testing.assert_allclose(values, direct_polynomial(k, n), atol=1e-10)
    np.testing.assert_allclose(np.array(ours) @ np.array(ours).T, np.eye(4), atol=1e-9)


def test_krawtchouk_moments_equal_direct_sums_over_the_polynomials():
    image = np.random.default_rng(0).random((N + 1, N + 1))
    found = to_krawtchouk(grid_moments(image), N)
    for k, m in TERMS:
        direct = direct_polynomial(m, N) @ image @ direct_polynomial(k, N)
        assert found[k, m, 0] == pytest.approx(direct, abs=1e-9)


def test_an_upright_centred_image_of_full_mass_is_described_by_its_own_moments():
    u = np.arange(N + 1) - N / 2
    image = np.exp(-0.02 * u[None, :] ** 2 - 0.06 * u[:, None] ** 2)  # x along, y across
    image *= root_weight(N).sum() ** 2 / grid_moments(image)[0, 0, 0]
    found = describe_places(grid_moments(image), N)[0]
    direct = [direct_polynomial(m, N) @ image @ direct_polynomial(k, N) for k, m in INVARIANT_TERMS]
    np.testing.assert_allclose(found, direct, atol=1e-9)


def test_moments_within_a_large_image_equal_those_of_the_window_cut_out():
    config = KrawtchoukConfig(window_px=41, step_px=7)
    values = smooth(1, side=150, sigma=3)
    found, xy = describe_image(as_image(values), config)
    pixels = np.rint(values * 255) / 255
    inside = [i for i, (x, y) in enumerate(xy) if 20 <= x < 130 and 20 <= y < 130]
    assert len(inside) > 10
    for i in inside[::5]:
        x, y = xy[i].astype(int)
        window = pixels[y - 20 : y + 21, x - 20 : x + 21]
        np.testing.assert_allclose(found[i], describe_places(grid_moments(window), 40)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("angle_deg", [30, 90, 180, -70])
def test_a_turned_copy_has_the_same_descriptor_at_its_centre(angle_deg):
    differences, spread = [], []
    for seed in range(6):
        values = smooth(seed, side=129)
        matrix = cv2.getRotationMatrix2D((64, 64), angle_deg, 1.0)
        turned = cv2.warpAffine(values, matrix, (129, 129), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        first, second = (describe_places(grid_moments(v), 128)[0] for v in (values, turned))
        differences.append(np.abs(first - second))
        spread.append(first)
    assert (np.median(differences, axis=0) < 0.02 * np.std(spread, axis=0) + 1e-3).all()


def test_a_shift_and_a_smaller_scale_of_a_shape_leave_its_descriptor():
    u = np.arange(129) - 64.0

    def shape(x: float, y: float, scale: float) -> np.ndarray:
        a, b = (u[None, :] - x) / scale, (u[:, None] - y) / scale
        weight = np.outer(root_weight(128), root_weight(128))
        return np.exp(-(a**2) / 18 - b**2 / 6) * (1 + 0.3 * np.tanh(a)) / weight  # undo the bell: one clear shape

    first, moved, smaller = (
        describe_places(grid_moments(shape(*p)), 128)[0] for p in ((0, 0, 1), (3, -2, 1), (0, 0, 0.7))
    )
    np.testing.assert_allclose(moved, first, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(smaller, first, rtol=1e-2, atol=1e-2)


def test_places_are_where_the_image_varies_more_than_on_the_whole():
    values = np.full((200, 200), 0.5)
    values[80:120, 80:120] = smooth(2, side=40, sigma=2)
    _, xy = describe_image(as_image(values), KrawtchoukConfig(window_px=257))
    assert len(xy) > 3
    assert (np.abs(xy - 99.5) < 40).all()
    assert np.unique(np.diff(np.unique(xy[:, 0]))).tolist() == [5]


def test_an_image_finds_itself_and_most_turned_parts_find_theirs():
    images = [as_image(smooth(seed), f"image{seed:02d}") for seed in range(12)]
    method, n_right = KrawtchoukPlaces(), 0
    method.index(images, modality="A")
    for seed, image in enumerate(images):
        assert method.search(image, modality="A")[0] == (image.name, 0.0)
        matrix = cv2.getRotationMatrix2D((120, 120), 25, 1.0)
        turned = cv2.warpAffine(smooth(seed), matrix, (240, 240), flags=cv2.INTER_CUBIC)[50:190, 50:190]
        found = method.search(as_image(turned), modality="A")
        assert len(found) == 12
        n_right += found[0][0] == image.name
    assert n_right >= 6  # chance: 1


def test_the_published_search_asks_with_the_middle_alone():
    image, other = as_image(smooth(0), "image"), as_image(smooth(1), "other")
    config = KrawtchoukConfig(step_px=1)
    method = Krawtchouk(config)
    method.index([image, other], modality="A")
    changed = smooth(0)
    changed[:60], changed[-60:] = smooth(2)[:60], smooth(2)[-60:]
    assert method.search(as_image(changed), modality="A")[0] == method.search(image, modality="A")[0]
    np.testing.assert_array_equal(describe_query(as_image(changed), config), describe_query(image, config))
    assert len(describe_query(image, config)) == 1


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="odd number"):
        KrawtchoukConfig(window_px=64)
    with pytest.raises(ConfigError, match="at least 1"):
        KrawtchoukConfig(step_px=0)
