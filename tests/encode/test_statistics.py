"""Statistics of words against counting by hand."""

import numpy as np
import pytest

from crosslight.encode.statistics import measure_words
from crosslight.encode.vocabulary import Vocabulary
from crosslight.types import Histogram

VOCABULARY = Vocabulary(
    words=np.zeros((5, 2), np.float32), axes=np.eye(2, dtype=np.float32), idf=np.ones(5, np.float32)
)


def histogram(**counts: int) -> Histogram:
    words = np.array([int(name[1:]) for name in counts], np.int32)
    return Histogram(words=words, counts=np.array(list(counts.values()), np.float32))


def test_words_are_counted_over_images():
    found = measure_words(VOCABULARY, [histogram(w0=2, w1=6), histogram(w0=1, w3=1), histogram(w0=2)])
    assert (found.n_words, found.n_images, found.n_unused, found.n_everywhere) == (5, 3, 2, 1)
    assert found.words_per_image == pytest.approx(5 / 3)
    assert found.descriptors_per_image == pytest.approx(4)
    assert found.images_per_word[1] == 1
    assert found.commonest_share == pytest.approx(0.5)


def test_no_image_and_images_without_words_give_zeros():
    for histograms in ([], [histogram()]):
        found = measure_words(VOCABULARY, histograms)
        assert (found.n_unused, found.n_everywhere, found.commonest_share) == (5, 0, 0)
        assert found.images_per_word == (0, 0, 0)
