"""SIFT at detected points: which it keeps, and that a turned image keeps its descriptors."""

import cv2
import numpy as np

from crosslight.config import DescribeConfig
from crosslight.describe.detected_sift import DetectedSift
from crosslight.types import Representation


def blobs(side: int = 200) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.clip(127 + 60 * blurred / blurred.std(), 0, 255).astype(np.uint8)


def describe(codes: np.ndarray):
    return DetectedSift(DescribeConfig()).describe(Representation.from_codes(codes[None], 1))


def test_most_points_of_a_quarter_turned_image_find_themselves_again():
    first, second = describe(blobs()), describe(np.ascontiguousarray(np.rot90(blobs())))
    nearest = (first.values @ second.values.T).argmax(axis=1)
    x, y = first.xy.T
    expected = np.stack([y, 199 - x], axis=1)  # a quarter turn counter-clockwise
    near = np.linalg.norm(second.xy[nearest] - expected, axis=1) < 2
    assert len(first) > 50
    assert near.mean() > 0.8


def test_octaves_from_images_outside_32_to_512_px_are_left_out():
    small, large = describe(blobs(300)), describe(cv2.resize(blobs(300), (900, 900)))
    assert small.size_px.min() < 40  # from the doubled image, 600 px, nothing; from 300 px on
    assert large.size_px.min() > 2 * small.size_px.min()  # 900 px is left out, 450 px is the first


def test_nothing_stands_out_in_a_flat_image():
    assert len(describe(np.full((90, 90), 7, np.uint8))) == 0
