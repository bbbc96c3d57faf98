"""The parts of a query agree at its true place and not elsewhere."""

import cv2
import numpy as np
import pytest
import torch

from crosslight.rerank.agreement import measure_agreement
from crosslight.types import Placement, Representation

SIDE = 60


@pytest.fixture(scope="module")
def image() -> Representation:
    noise = np.random.default_rng(0).standard_normal((100, 100, 2)).astype(np.float32)
    return Representation.rounded((cv2.GaussianBlur(noise, (0, 0), 2) * 8).transpose(2, 0, 1).copy(), 1)


def agree(image: Representation, values: np.ndarray, *, partly: bool = False, x: float = 49.5) -> float:
    query = Representation(values=values, stride=1)
    place = Placement(center_xy=(x, 49.5), angle_deg=0.0, scale=1.0, similarity=0.0)
    return measure_agreement(query, (SIDE, SIDE), image, place, cell_px=1, partly=partly, device=torch.device("cpu"))


def test_a_window_agrees_with_its_place_in_all_parts(image: Representation) -> None:
    assert agree(image, image.values[:, 20:80, 20:80]) == pytest.approx(1, abs=1e-4)


def test_one_strong_part_alone_is_little_agreement(image: Representation) -> None:
    other = np.random.default_rng(1).standard_normal((2, SIDE, SIDE)).astype(np.float32)
    other[:, 20:40, 20:40] = 20 * image.values[:, 40:60, 40:60]  # carries the correlation of the whole
    assert agree(image, other) < 0.3


def test_parts_outside_the_image_do_not_count(image: Representation) -> None:
    window = np.zeros((2, SIDE, SIDE), np.float32)
    window[:, :, 20:] = image.values[:, 20:80, :40]
    assert agree(image, window, partly=True, x=9.5) == pytest.approx(1, abs=1e-4)


def test_a_flat_query_agrees_with_nothing(image: Representation) -> None:
    assert abs(agree(image, np.zeros((2, SIDE, SIDE), np.float32))) < 0.05
