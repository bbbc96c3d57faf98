"""What can be said of the words of a set of images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from crosslight.encode.vocabulary import Vocabulary
from crosslight.types import Histogram


@dataclass(frozen=True, kw_only=True)
class WordStatistics:
    """Counts over a vocabulary and histograms of raw counts.

    Attributes
    ----------
    n_words, n_images : int
        Size of the vocabulary and number of histograms.
    n_unused : int
        Words that no image has.
    n_everywhere : int
        Words that every image has; they tell nothing.
    words_per_image, descriptors_per_image : float
        Mean number of distinct words and of counted descriptors.
    images_per_word : tuple of float
        The 10, 50 and 90 % quantiles over the words that are used.
    commonest_share : float
        Share of all descriptors that the most frequent word takes.
    """

    n_words: int
    n_images: int
    n_unused: int
    n_everywhere: int
    words_per_image: float
    descriptors_per_image: float
    images_per_word: tuple[float, float, float]
    commonest_share: float


def say_words(found: WordStatistics) -> dict[str, str]:
    """Return the statistics in words, a short name for each."""
    low, middle, high = found.images_per_word
    return {
        "unused": f"{found.n_unused} of {found.n_words} words are in no image",
        "everywhere": f"{found.n_everywhere} words are in every image and tell nothing",
        "a word": f"is in {middle:.0f} of {found.n_images} images (10 to 90 %: {low:.0f} to {high:.0f})",
        "an image": f"has {found.words_per_image:.0f} words from {found.descriptors_per_image:.0f} descriptors",
        "commonest": f"one word takes {100 * found.commonest_share:.1f} % of all descriptors",
    }


def measure_words(vocabulary: Vocabulary, histograms: Iterable[Histogram]) -> WordStatistics:
    """Count how the words of `vocabulary` are spread over images, one histogram at a time; zeros for no image."""
    with_word, total = np.zeros(len(vocabulary.words), np.int64), np.zeros(len(vocabulary.words))
    n_images, n_distinct = 0, 0
    for histogram in histograms:
        with_word[histogram.words] += 1
        total[histogram.words] += histogram.counts
        n_images += 1
        n_distinct += len(histogram.words)
    used = with_word[with_word > 0]
    spread = np.quantile(used, (0.1, 0.5, 0.9)) if len(used) else np.zeros(3)
    return WordStatistics(
        n_words=len(with_word),
        n_images=n_images,
        n_unused=int((with_word == 0).sum()),
        n_everywhere=int((with_word == n_images).sum()) if n_images else 0,
        words_per_image=n_distinct / max(1, n_images),
        descriptors_per_image=float(total.sum()) / max(1, n_images),
        images_per_word=(float(spread[0]), float(spread[1]), float(spread[2])),
        commonest_share=float(total.max() / total.sum()) if total.sum() > 0 else 0.0,
    )
