"""Oriented SURF stays the same where the image is turned; upright SURF does not."""

import cv2
import numpy as np
import pytest

from crosslight.config import DescribeConfig
from crosslight.describe.oriented_surf import OrientedSurf, find_directions
from crosslight.describe.surf import Surf
from crosslight.types import Representation

SIDE = 161
CONFIG = DescribeConfig(step_px=8, sizes_px=(64,))


def smooth(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((SIDE, SIDE)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 4)
    return blurred / blurred.std()


def turned(values: np.ndarray, angle_deg: float) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), angle_deg, 1.0)
    return cv2.warpAffine(values, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def central(describer, values: np.ndarray) -> np.ndarray:
    """Return the descriptor nearest to the middle of the image."""
    found = describer.describe(Representation(values=values[None].astype(np.float32), stride=1))
    return found.values[np.argmin(np.linalg.norm(found.xy - (SIDE - 1) / 2, axis=1))]


@pytest.mark.parametrize("angle_deg", [20, 90, 135, -60])
def test_a_turned_image_keeps_its_descriptor(angle_deg):
    likeness = {Surf: [], OrientedSurf: []}
    for seed in range(8):
        values = smooth(seed)
        for kind, found in likeness.items():
            found.append(float(central(kind(CONFIG), values) @ central(kind(CONFIG), turned(values, angle_deg))))
    assert np.median(likeness[OrientedSurf]) > 0.9
    assert np.median(likeness[OrientedSurf]) > np.median(likeness[Surf])


def test_points_and_sizes_are_those_of_upright_surf():
    values = Representation(values=smooth(0)[None, :90, :120], stride=2)
    oriented, upright = OrientedSurf(CONFIG).describe(values), Surf(CONFIG).describe(values)
    np.testing.assert_array_equal(oriented.xy, upright.xy)
    np.testing.assert_array_equal(oriented.size_px, upright.size_px)


@pytest.mark.parametrize("angle_deg", [0, 45, 100, -130])
def test_the_direction_of_a_ramp_is_the_way_up(angle_deg):
    angle = np.deg2rad(angle_deg)
    gradients = np.empty((2, 60, 60), np.float32)
    gradients[0], gradients[1] = np.cos(angle), np.sin(angle)
    found = find_directions([gradients], np.array([[30, 30]]), 2.0)
    assert np.cos(found[0] - angle) > np.cos(np.deg2rad(1))
