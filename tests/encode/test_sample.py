"""The bounded sample: what it keeps, and what it does not depend on."""

import numpy as np
import pytest

from crosslight.config import VocabularyConfig
from crosslight.encode.sample import DescriptorSample, strongest_rows
from crosslight.errors import InputError
from crosslight.types import Descriptors


def one_image(n: int, number: int, n_values: int = 4) -> Descriptors:
    """Rows that say which image and row they come from: value 0 is the image, value 1 the row."""
    rng = np.random.default_rng(number)
    values = np.ones((n, n_values), np.float32)
    values[:, 0], values[:, 1] = number, np.arange(n)
    strength = rng.random(n).astype(np.float32)
    return Descriptors(
        values=values, xy=np.zeros((n, 2), np.float32), size_px=np.ones(n, np.float32), strength=strength
    )


def everything_in(sample: DescriptorSample) -> np.ndarray:
    return np.concatenate([np.empty((0, sample.n_values), np.float32), *sample.chunks(7)])


def sample_of(images: list[Descriptors], **settings: float) -> DescriptorSample:
    sample = DescriptorSample(VocabularyConfig(**settings))
    for image in images:
        sample.add(image)
    return sample


def test_a_small_set_is_kept_whole():
    sample = sample_of([one_image(10, 1), one_image(5, 2)], strongest=1.0, max_descriptors=100)
    rows = {(int(r[0]), int(r[1])) for r in everything_in(sample)}
    assert rows == {(1, i) for i in range(10)} | {(2, i) for i in range(5)}


def test_the_sample_is_bounded_and_drawn_evenly_from_all_images():
    sample = sample_of([one_image(100, k) for k in range(60)], strongest=1.0, max_descriptors=600)
    kept = everything_in(sample)
    assert len(sample) == len(kept) == 600
    assert len(np.unique(kept[:, :2], axis=0)) == 600
    per_image = np.bincount(kept[:, 0].astype(int), minlength=60)
    assert per_image.min() >= 1
    assert per_image[:30].sum() == pytest.approx(300, abs=60)


def test_neither_the_order_of_images_nor_a_second_run_changes_the_sample():
    images = [one_image(50, k) for k in range(20)]
    first = everything_in(sample_of(images, max_descriptors=120))
    np.testing.assert_array_equal(everything_in(sample_of(images, max_descriptors=120)), first)
    np.testing.assert_array_equal(everything_in(sample_of(images[::-1], max_descriptors=120)), first)


def test_another_seed_gives_another_sample():
    images = [one_image(50, k) for k in range(20)]
    first, second = (everything_in(sample_of(images, max_descriptors=120, seed=s)) for s in (0, 1))
    assert not np.array_equal(first, second)


def test_only_the_strongest_share_of_each_image_is_offered():
    image = one_image(10, 0)
    rows = strongest_rows(image, 0.8)
    assert len(rows) == 8
    assert image.strength[rows].min() > np.delete(image.strength, rows).max()
    kept = everything_in(sample_of([image], strongest=0.8))
    assert set(kept[:, 1].astype(int)) == set(rows)


def test_rows_of_zeros_are_left_out():
    image = one_image(10, 0)
    image.values[3:] = 0
    assert len(sample_of([image], strongest=1.0)) == 3


def test_images_without_descriptors_change_nothing():
    assert len(sample_of([one_image(0, 0)])) == 0
    assert len(sample_of([one_image(0, 0), one_image(5, 1)], strongest=1.0)) == 5


def test_descriptors_of_another_length_are_refused():
    with pytest.raises(InputError, match="has 8 values, those before had 4"):
        sample_of([one_image(5, 0), one_image(5, 1, n_values=8)])
