"""Visual words: learned centres of descriptors, how rare each is, and histograms over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from crosslight.config import VocabularyConfig
from crosslight.encode.array_file import hash_arrays, load_arrays, save_arrays
from crosslight.encode.kmeans import find_axes, find_centres
from crosslight.encode.sample import DescriptorSample
from crosslight.errors import IndexCorruptError, InputError
from crosslight.progress import silent
from crosslight.types import Descriptors, Float32, Histogram, Progress

__all__ = ["DescriptorSample", "Vocabulary", "build_vocabulary"]

FORMAT_VERSION = 1
FILE_NAME = "vocabulary.safetensors"
ARRAYS = ("words", "axes", "idf")


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Visual words and their weights.

    Attributes
    ----------
    words : ndarray of shape (W, P), float32
        The centres, in the space of `axes`.
    axes : ndarray of shape (D, P), float32
        Orthonormal columns: descriptors of length D are multiplied by it before they are compared with words.
    idf : ndarray of shape (W,), float32
        Weight of each word, positive: log(1 + N / (1 + n)) where n of N images have the word; ones while N is 0.
    n_documents : int
        N, the number of images the weights were counted over.
    seed : int
        What the random choices were made with.
    """

    words: Float32
    axes: Float32
    idf: Float32
    n_documents: int = 0
    seed: int = 0

    @cached_property
    def _nearest(self) -> Any:
        index = faiss.IndexFlatL2(self.words.shape[1])
        index.add(self.words)
        return index

    @cached_property
    def fingerprint(self) -> str:
        """A hash of words, axes and weights: histograms are comparable only under one."""
        return hash_arrays({name: getattr(self, name) for name in ARRAYS})

    def encode(self, descriptors: Descriptors) -> Histogram:
        """Count the nearest word of every descriptor.

        Parameters
        ----------
        descriptors : Descriptors
            `values` of shape (N, D). Rows of zeros show nothing and belong to no word.

        Returns
        -------
        histogram : Histogram
            Raw counts; empty when nothing is to be seen.

        Raises
        ------
        InputError
            If D is not the vocabulary's.
        """
        values = descriptors.values
        if values.shape[1] != len(self.axes):
            raise InputError(
                f"The descriptors have {values.shape[1]} values and the vocabulary {len(self.axes)}; "
                "use the describer and the model that the vocabulary was built with."
            )
        values = values[values.any(axis=1)]
        if len(values) == 0:
            return Histogram(words=np.empty(0, np.int32), counts=np.empty(0, np.float32))
        nearest = self._nearest.search(values @ self.axes, 1)[1].ravel()
        words, counts = np.unique(nearest, return_counts=True)
        return Histogram(words=words.astype(np.int32), counts=counts.astype(np.float32))

    def weigh(self, histogram: Histogram) -> Histogram:
        """Return the tf-idf vector of raw counts at unit length; an empty one stays empty."""
        weights = histogram.counts * self.idf[histogram.words]
        norm = np.linalg.norm(weights)
        return replace(histogram, counts=weights / norm if norm > 0 else weights)

    def unweigh(self, vector: Histogram) -> Histogram:
        """Return the raw counts that `weigh` made a vector of, given that some word was counted once."""
        shares = vector.counts / self.idf[vector.words]
        counts = np.rint(shares / shares.min()) if len(shares) else shares
        return replace(vector, counts=counts.astype(np.float32))

    def with_idf(self, histograms: Iterable[Histogram]) -> Vocabulary:
        """Return the same words with weights counted over the images given, one histogram at a time."""
        n_with, n_documents = np.zeros(len(self.words)), 0
        for histogram in histograms:
            n_with[histogram.words] += 1
            n_documents += 1
        idf = np.log1p(n_documents / (1 + n_with)) if n_documents else np.ones(len(self.words))
        return replace(self, idf=idf.astype(np.float32), n_documents=n_documents)

    def save(self, folder: Path) -> None:
        """Write the vocabulary as one file in one step, so that a kill leaves the old one or the new one."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        save_arrays(folder / FILE_NAME, arrays, FORMAT_VERSION, n_documents=self.n_documents, seed=self.seed)

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Read a vocabulary.

        Raises
        ------
        IndexCorruptError
            If it is missing or damaged.
        IndexMismatchError
            If it has another format version.
        """
        path = folder / FILE_NAME
        arrays, record = load_arrays(path, ARRAYS, FORMAT_VERSION, "vocabulary")
        try:
            return cls(**arrays, n_documents=record["n_documents"], seed=record["seed"])
        except KeyError as error:
            raise IndexCorruptError(f"{path} cannot be read ({error}); build the index again.") from error


def build_vocabulary(
    descriptors: DescriptorSample | Iterable[Descriptors], config: VocabularyConfig, progress: Progress = silent
) -> Vocabulary:
    """Learn visual words by k-means.

    Parameters
    ----------
    descriptors : DescriptorSample or iterable of Descriptors
        One item per image, held one at a time; a sample made from them does as well.
    config : VocabularyConfig
        The number of words is `n_words`, or what leaves `descriptors_per_word` for each, but at least 1.
    progress : Progress
        Called once per iteration.

    Returns
    -------
    vocabulary : Vocabulary
        All words weigh the same until `with_idf`. The same descriptors in any order give the same words on the same
        machine and number of threads.

    Raises
    ------
    InputError
        If nothing is to be seen in any image.
    """
    sample = descriptors if isinstance(descriptors, DescriptorSample) else _sample_all(descriptors, config)
    if len(sample) == 0:
        raise InputError(
            "No visual words can be learnt: all images are flat or smaller than the smallest block described; "
            "give larger images or smaller sizes_px."
        )
    axes = find_axes(sample, config.n_axes)
    rows = np.concatenate([chunk @ axes for chunk in sample.chunks()])
    n_words = max(1, min(config.n_words, len(rows) // config.descriptors_per_word))
    words = find_centres(rows, n_words, config, progress)
    return Vocabulary(words=words, axes=axes, idf=np.ones(n_words, np.float32), seed=config.seed)


def _sample_all(descriptors: Iterable[Descriptors], config: VocabularyConfig) -> DescriptorSample:
    sample = DescriptorSample(config)
    for one in descriptors:
        sample.add(one)
    return sample
