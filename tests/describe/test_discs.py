"""Discs: a query's look as the image's where it lies, at any angle, scale and flip; small and empty images."""

import cv2
import numpy as np
import pytest

from crosslight.describe.discs import STEP_PX, describe_discs, describe_turned
from crosslight.geometry import query_axes
from crosslight.types import Representation

N_VALUES = 2 * 2 * 31  # both signs of two channels in each sector
SIDE, CENTER = 400, (205.0, 190.0)


def smooth(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Return a made-up representation in cells of 1 px, (H, W, 2)."""
    noise = np.random.default_rng(seed).standard_normal((side, side, 2)).astype(np.float32)
    blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), 9))
    return blurred / blurred.std()


def as_representation(values: np.ndarray, stride: int) -> Representation:
    cells = cv2.resize(values, None, fx=1 / stride, fy=1 / stride, interpolation=cv2.INTER_AREA)
    return Representation(values=np.ascontiguousarray(cells.transpose(2, 0, 1)), stride=stride)


def cut(values: np.ndarray, side: int, angle: float, scale: float = 1.0, *, flipped: bool = False) -> np.ndarray:
    """Return the square query that lies around CENTER."""
    linear = query_axes(angle, scale, flipped)
    offset = np.array(CENTER) - 0.5 - linear @ np.full(2, (side - 1) / 2)  # 96 px around have their middle between two
    matrix = np.hstack([linear, offset[:, None]])
    return np.asarray(cv2.warpAffine(values, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))


def around_center(values: np.ndarray, stride: int) -> np.ndarray:
    """Return the description of the one disc of the image around CENTER."""
    x, y = (int(c) for c in CENTER)
    return describe_discs(as_representation(values[y - 48 : y + 48, x - 48 : x + 48], stride))[0, 0]


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize(("angle", "scale", "flipped"), [
    (0, 1, False), (37, 1, False), (-140, 1, False), (60, 1, True), (25, 1.25, False), (25, 0.8, True),
])  # fmt: skip
def test_a_turned_query_looks_as_the_image_where_it_lies(
    stride: int, angle: float, scale: float, flipped: bool
) -> None:
    values = smooth()
    query = as_representation(cut(values, round(140 / scale), angle, scale, flipped=flipped), stride)
    turns = [angle, angle + 90, angle + 180]
    turned, _ = describe_turned(query, turns, scale=scale, flipped=flipped)
    assert turned.shape[0] == 3 and turned.shape[2] == N_VALUES
    middle = turned[:, turned.shape[1] // 2]
    right, quarter, half = middle @ around_center(values, stride)
    others = describe_discs(as_representation(smooth(1), stride)).reshape(-1, N_VALUES)
    assert right > 0.97
    assert right > max(quarter, half) + 0.1 and right > (others @ middle[0]).max() + 0.05


@pytest.mark.parametrize(("angle", "scale", "flipped"), [(0, 1, False), (37, 1, True), (-140, 0.8, False)])
def test_each_disc_of_a_query_tells_where_it_lies_in_the_image(angle: float, scale: float, flipped: bool) -> None:
    values = smooth()
    query = as_representation(cut(values, round(180 / scale), angle, scale, flipped=flipped), 2)
    (turned,), (steps,) = describe_turned(query, [angle], scale=scale, flipped=flipped)
    assert len(turned) == len(steps) == 25
    for one, step in zip(turned, steps, strict=True):
        x, y = (round(c) for c in np.array(CENTER) + STEP_PX * step)
        there = describe_discs(as_representation(values[y - 48 : y + 48, x - 48 : x + 48], 2))[0, 0]
        assert one @ there > 0.95


def test_discs_lie_every_24_px() -> None:
    values = smooth()[:200, :312]
    discs = describe_discs(as_representation(values, 2))
    assert discs.shape == (5, 10, N_VALUES)
    np.testing.assert_allclose(np.linalg.norm(discs, axis=2), 1, rtol=1e-5)
    alone = describe_discs(as_representation(values[48 : 48 + 96, 72 : 72 + 96], 2))[0, 0]
    np.testing.assert_allclose(discs[2, 3], alone, atol=1e-5)


def test_a_large_query_has_at_most_25_discs() -> None:
    query = as_representation(smooth(), 4)
    assert describe_turned(query, [0.0, 20.0])[0].shape[:2] == (2, 25)


def test_what_is_smaller_than_a_disc_is_told_by_what_is_seen() -> None:
    values = smooth()
    x, y = (int(c) for c in CENTER)
    small = as_representation(values[y - 32 : y + 32, x - 32 : x + 32], 2)
    whole = around_center(values, 2)
    other = describe_discs(as_representation(smooth(1), 2))
    turned, steps = describe_turned(small, [0.0])
    assert not steps.any()
    for described in (describe_discs(small)[0, 0], turned[0, 0]):
        assert np.isfinite(described).all()
        assert described @ whole > (other @ described).max()


def test_where_nothing_is_to_be_seen_rows_are_zeros() -> None:
    empty = Representation(values=np.zeros((3, 60, 60), np.float32), stride=4)
    assert not describe_discs(empty).any()
    assert not describe_turned(empty, [0.0])[0].any()
