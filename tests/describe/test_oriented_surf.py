"""Oriented SURF stays the same where the image is turned; upright SURF does not."""

import cv2
import numpy as np
import pytest

from crosslight.config import DescribeConfig
from crosslight.describe.oriented_surf import OrientedSurf, find_directions, sum_turned, wavelet_gradients
from crosslight.describe.surf import Surf, describe_blocks
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


def test_unturned_blocks_equal_upright_surf():
    values = smooth(1)
    rows = cols = np.array([60, 80, 90])
    centres = np.array([(r, c) for r in rows for c in cols])
    found = sum_turned(wavelet_gradients(values, 2.0), centres, np.zeros(9, np.float32), 2.0)
    expected = describe_blocks(values[None], rows, cols, 2.0)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_a_quarter_turn_changes_nothing_but_the_direction():
    values = smooth(2)[:160, :160]
    centres = np.array([(80, 80)])
    first, second = (np.ascontiguousarray(v) for v in (values, np.rot90(values)))
    angles = [find_directions([wavelet_gradients(v, 4.0)], centres, 2.0) for v in (first, second)]
    turn = (angles[0] - angles[1]) % (2 * np.pi)  # counter-clockwise on the screen is towards minus y
    np.testing.assert_allclose(turn, np.pi / 2, atol=np.deg2rad(1))
    rows = [
        sum_turned(wavelet_gradients(v, 2.0), centres, a, 2.0)[0] for v, a in zip((first, second), angles, strict=True)
    ]
    likeness = rows[0] @ rows[1] / np.linalg.norm(rows[0]) / np.linalg.norm(rows[1])
    assert likeness > 0.99
