"""Alignment finds places whose answer is known."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from crosslight.config import AlignConfig
from crosslight.geometry import query_to_repository, rotated_extent, warp_window
from crosslight.rerank.align import Aligner, Candidate, Query, estimate_work, plan_query
from crosslight.rerank.correlate import correlate, make_spectra
from crosslight.rerank.overlap import correlate_partly
from crosslight.rerank.templates import make_templates
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


def _align(images: dict[str, np.ndarray], query: Query, **settings: object) -> list[tuple[str, Placement]]:
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


def test_a_coarse_place_that_is_far_off_is_mended(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(110, 112), angle_deg=10, scale=1.0, similarity=1.0)
    query, config = _query(images["image2"], truth, 120, 120), AlignConfig()
    step = plan_query(query, config).angle_step_deg
    off = replace(truth, angle_deg=truth.angle_deg + 0.95 * step, center_xy=(114, 109))
    aligner = Aligner(lambda name: _represent(images[name]), config)
    ((_, place),) = aligner.finish(query, {"image2": [off]})
    assert math.dist(place.center_xy, truth.center_xy) < 0.5 and abs(place.angle_deg - truth.angle_deg) < 0.5
    assert place.similarity > 0.9


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


def test_a_query_larger_than_every_image_is_placed_nowhere(images: dict[str, np.ndarray]) -> None:
    query = Query(representation=_represent(_smooth_noise(400, 400, 3, 9)), height_px=400, width_px=400)
    assert _align(images, query) == []


def test_a_query_is_aligned_with_those_images_that_can_hold_it(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(150, 90), angle_deg=0, scale=1.0, similarity=1.0)
    hits = _align(images, _query(images["image3"], truth, 170, 280), rotation_deg=0)
    assert [name for name, _ in hits] == ["image3"]


@pytest.mark.parametrize("size", [(128, 230), (230, 128), (158, 263), (160, 253), (256, 256), (123, 123), (100, 400)])
@pytest.mark.parametrize("angle", [0.0, 4.1])
def test_a_query_as_large_as_its_image_is_found_in_it(size: tuple[int, int], angle: float) -> None:
    pixels = _smooth_noise(*size, 3, 7)
    share = min(n / m for n, m in zip(size, rotated_extent(*size, angle), strict=True))
    height, width = (math.floor(n * share) for n in size)
    middle = ((size[1] - 1) / 2, (size[0] - 1) / 2)
    truth = Placement(center_xy=middle, angle_deg=angle, scale=1.0, similarity=1.0)
    ((_, place),) = _align({"image": pixels}, _query(pixels, truth, height, width))
    assert math.dist(place.center_xy, middle) < 1 and abs(place.angle_deg - angle) < 0.5
    assert place.similarity > 0.9


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


@pytest.mark.parametrize(("side_px", "factor"), [(60, 1), (120, 2), (180, 3), (256, 4), (400, 6), (4000, 64)])
def test_coarse_cells_are_as_large_as_leaves_eighteen_on_a_side(side_px: int, factor: int) -> None:
    values = np.zeros((1, side_px // 3, side_px // 3), np.float32)
    query = Query(representation=Representation.rounded(values, 3), height_px=side_px, width_px=side_px)
    assert plan_query(query, AlignConfig(coarse_cells=18)).coarse_px == 3 * factor
    halved = plan_query(query, AlignConfig(coarse_cells=18, halved=True)).coarse_px
    assert halved == 3 * 2 ** (factor.bit_length() - 1)


def test_more_rotation_means_more_work(images: dict[str, np.ndarray]) -> None:
    query = Query(representation=_represent(np.zeros((100, 100, 3), np.float32)), height_px=100, width_px=100)
    narrow, wide = (estimate_work(query, _candidates(images), AlignConfig(rotation_deg=r)) for r in (30, 180))
    assert wide > 4 * narrow


@pytest.mark.parametrize("scale", [0.8, 0.93, 1.0, 1.18])
def test_a_scaled_and_turned_window_is_found_with_its_scale(images: dict[str, np.ndarray], scale: float) -> None:
    truth = Placement(center_xy=(105.2, 98.7), angle_deg=-14, scale=scale, similarity=1.0)
    found, place = _align(images, _query(images["image2"], truth, 120, 110), scale=(0.8, 1.25))[0]
    assert found == "image2"
    assert math.dist(place.center_xy, truth.center_xy) < 0.7
    assert place.scale == pytest.approx(scale, rel=0.01)
    assert abs(place.angle_deg - truth.angle_deg) < 0.7


def test_a_known_scale_far_from_1_is_used_as_it_is(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(110, 105), angle_deg=8, scale=0.5, similarity=1.0)
    found, place = _align(images, _query(images["image2"], truth, 200, 220), scale=(0.5, 0.5))[0]
    assert found == "image2" and place.scale == 0.5
    assert math.dist(place.center_xy, truth.center_xy) < 0.7


def test_a_mirrored_window_is_found_only_with_flip(images: dict[str, np.ndarray]) -> None:
    truth = Placement(center_xy=(110, 120), angle_deg=11, scale=1.0, similarity=1.0, flipped=True)
    query = _query(images["image1"], truth, 100, 90)
    found, place = _align(images, query, flip=True)[0]
    assert found == "image1" and place.flipped
    assert math.dist(place.center_xy, truth.center_xy) < 0.5
    assert abs(place.angle_deg - 11) < 0.5
    assert _align(images, query)[0][1].similarity < 0.7


@pytest.mark.parametrize(("center", "angle"), [((20.5, 100.0), 10.0), ((200.0, 190.3), -25.0)])
def test_a_window_that_sticks_out_is_found_by_its_overlap(
    images: dict[str, np.ndarray], center: tuple[float, float], angle: float
) -> None:
    padded = cv2.copyMakeBorder(images["image2"], 80, 80, 80, 80, cv2.BORDER_CONSTANT)
    noise = _smooth_noise(*padded.shape[:2], 3, 99)
    noise[80:-80, 80:-80] = images["image2"]
    outside = Placement(center_xy=(center[0] + 80, center[1] + 80), angle_deg=angle, scale=1.0, similarity=1.0)
    query = _query(noise, outside, 120, 120)
    found, place = _align(images, query, overlap=0.4)[0]
    assert found == "image2"
    assert math.dist(place.center_xy, center) < 1
    assert abs(place.angle_deg - angle) < 1


def test_masked_similarity_equals_a_direct_one_over_the_part_inside() -> None:
    image = torch.from_numpy(_smooth_noise(30, 26, 2, 1).transpose(2, 0, 1).copy())
    query = torch.from_numpy(_smooth_noise(13, 13, 2, 2).transpose(2, 0, 1).copy())
    templates = make_templates(query, (13, 13), 1.0, torch.zeros(1))
    fast = correlate_partly(templates, make_spectra([image], 10), 0.5)[0, 0]
    for r, c in [(0, 6), (3, 2), (14, 25), (29, 13), (27, 23), (15, 12)]:
        rows, cols = slice(max(0, r - 6), r + 7), slice(max(0, c - 6), c + 7)
        there = image[:, rows, cols]
        asked = query[:, max(0, 6 - r) :, max(0, 6 - c) :][:, : there.shape[1], : there.shape[2]]
        share = there[0].numel() / 169
        there, asked = (v - v.mean(dim=(1, 2), keepdim=True) for v in (there, asked))
        slow = float((there * asked).sum() / (there.norm() * asked.norm())) * math.sqrt(share)
        assert float(fast[r, c]) == (pytest.approx(slow, abs=1e-3) if share >= 0.5 else -1)
