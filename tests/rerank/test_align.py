"""Alignment finds places whose answer is known."""

import math

import cv2
import numpy as np
import pytest
import torch

from crosslight.config import AlignConfig
from crosslight.errors import InputError
from crosslight.geometry import query_to_repository, warp_window
from crosslight.rerank.align import Aligner, Candidate, Query, estimate_work
from crosslight.rerank.correlate import correlate, make_spectra, make_templates
from crosslight.types import Placement, Representation

STRIDE = 2


def _smooth_noise(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((height, width, channels)).astype(np.float32)
    return (cv2.GaussianBlur(noise, (0, 0), 3).reshape(height, width, channels) * 10).clip(-4, 4)


def _represent(pixels: np.ndarray) -> Representation:
    h, w, c = pixels.shape
    cells = pixels[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2, c).mean(axis=(1, 3))
    return Representation.rounded(cells.transpose(2, 0, 1).copy(), STRIDE)


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    sizes = [(200, 240), (256, 200), (220, 220), (180, 300)]
    return {f"image{i}": _smooth_noise(h, w, 3, i) for i, (h, w) in enumerate(sizes)}


def _candidates(images: dict[str, np.ndarray]) -> list[Candidate]:
    return [Candidate(name=n, height_px=p.shape[0], width_px=p.shape[1]) for n, p in images.items()]


def _query(pixels: np.ndarray, placement: Placement, height: int, width: int) -> Query:
    matrix = query_to_repository(placement, height, width)
    window = warp_window(pixels, matrix, height, width)
    return Query(representation=_represent(window), height_px=height, width_px=width)


def _align(images: dict[str, np.ndarray], query: Query, **settings: float) -> list[tuple[str, Placement]]:
    representations = {name: _represent(pixels) for name, pixels in images.items()}
    aligner = Aligner(representations.__getitem__, AlignConfig(**settings))  # type: ignore[arg-type]
    return aligner.align([query], _candidates(images))[0]


@pytest.mark.parametrize(
    ("name", "center", "angle", "size", "rotation"),
    [
        ("image0", (118.3, 99.6), 17.3, (110, 120), 30),
        ("image1", (101.7, 150.2), -25.0, (96, 97), 30),
        ("image2", (109.5, 109.5), 0.0, (130, 101), 0),
        ("image3", (180.4, 88.8), 133.3, (90, 110), 180),
        ("image0", (120.0, 100.0), -179.0, (100, 100), 180),
    ],
)
def test_a_turned_window_is_found_to_a_fraction_of_a_pixel_and_a_degree(
    images: dict[str, np.ndarray], name: str, center: tuple[float, float], angle: float, size: tuple[int, int],
    rotation: float,
) -> None:  # fmt: skip
    truth = Placement(center_xy=center, angle_deg=angle, scale=1.0, similarity=1.0)
    hits = _align(images, _query(images[name], truth, *size), rotation_deg=rotation)
    found, place = hits[0]
    assert found == name
    assert math.dist(place.center_xy, center) < 0.5
    assert abs((place.angle_deg - angle + 180) % 360 - 180) < 0.5
    assert -180 < place.angle_deg <= 180
    assert place.similarity > 0.9 > hits[1][1].similarity


def test_hits_are_in_descending_order_and_name_every_image_once(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(110, 110), angle_deg=5, scale=1.0, similarity=1.0)
    hits = _align(images, _query(images["image2"], truth, 100, 100), n_candidates=2)
    assert sorted(name for name, _ in hits) == sorted(images)
    similarities = [place.similarity for _, place in hits]
    assert similarities == sorted(similarities, reverse=True)


def test_coarse_similarity_equals_a_direct_correlation_over_all_places() -> None:
    image = torch.from_numpy(_smooth_noise(30, 34, 2, 1).transpose(2, 0, 1).copy())
    query = image[:, 8:21, 10:23].clone()  # 13 x 13 around cell (14, 16)
    templates = make_templates(query, (13, 13), 1.0, torch.zeros(1))
    fast = correlate(templates, make_spectra([image]))[0, 0]
    t = query - query.mean(dim=(1, 2), keepdim=True)
    for r in range(6, 24):
        for c in range(6, 28):
            window = image[:, r - 6 : r + 7, c - 6 : c + 7]
            w = window - window.mean(dim=(1, 2), keepdim=True)
            slow = float((w * t).sum() / (w.norm() * t.norm()))
            assert float(fast[r, c]) == pytest.approx(slow, abs=1e-3)
    assert int(fast.argmax()) == 14 * fast.shape[1] + 16


def test_a_query_larger_than_every_image_says_so(images: dict[str, np.ndarray]) -> None:
    query = Query(representation=_represent(_smooth_noise(400, 400, 3, 9)), height_px=400, width_px=400)
    with pytest.raises(InputError, match="400 x 400 px fits into none of the 4"):
        _align(images, query)


def test_a_query_is_aligned_with_those_images_that_can_hold_it(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(150, 90), angle_deg=0, scale=1.0, similarity=1.0)
    hits = _align(images, _query(images["image3"], truth, 170, 280), rotation_deg=0)
    assert [name for name, _ in hits] == ["image3"]


def test_a_flat_query_matches_nothing_well(images: dict[str, np.ndarray]) -> None:
    query = Query(representation=_represent(np.zeros((100, 100, 3), np.float32)), height_px=100, width_px=100)
    assert all(abs(place.similarity) < 0.2 for _, place in _align(images, query))


def test_several_queries_get_the_answers_they_get_alone(images: dict[str, np.ndarray]) -> None:
    places = [Placement(center_xy=(110, 105), angle_deg=a, scale=1.0, similarity=1.0) for a in (-20, 10)]
    queries = [_query(images[n], p, 100, 90) for n, p in zip(("image1", "image2"), places, strict=True)]
    representations = {name: _represent(pixels) for name, pixels in images.items()}
    aligner = Aligner(representations.__getitem__, AlignConfig())
    together = aligner.align(queries, _candidates(images))
    alone = [Aligner(representations.__getitem__, AlignConfig()).align([q], _candidates(images))[0] for q in queries]
    for one, other in zip(together, alone, strict=True):
        assert [name for name, _ in one] == [name for name, _ in other]
        for (_, p), (_, q) in zip(one, other, strict=True):
            assert p.similarity == pytest.approx(q.similarity, abs=1e-4)


def test_more_rotation_means_more_work(images: dict[str, np.ndarray]) -> None:
    query = Query(representation=_represent(np.zeros((100, 100, 3), np.float32)), height_px=100, width_px=100)
    narrow, wide = (estimate_work(query, _candidates(images), AlignConfig(rotation_deg=r)) for r in (30, 180))
    assert wide > 4 * narrow
