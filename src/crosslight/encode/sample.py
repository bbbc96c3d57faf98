"""A bounded random sample of the descriptors of any number of images, seen one image at a time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crosslight.config import VocabularyConfig
from crosslight.errors import InputError
from crosslight.types import Descriptors, Float32


class DescriptorSample:
    """Keeps at most `config.max_descriptors` descriptors, each of those offered with the same chance.

    Every descriptor gets a random key from the seed and from its own image's content, and the smallest keys stay. So
    the sample depends on what was added but not on the order, and memory on `max_descriptors` but not on the number of
    images: ``4 * D * max_descriptors`` bytes, taken as they fill.
    """

    def __init__(self, config: VocabularyConfig) -> None:
        self.config = config
        self._n = 0
        self._values: Float32 = np.empty((0, 0), np.float32)
        self._keys = np.empty(config.max_descriptors)

    def __len__(self) -> int:
        return self._n

    @property
    def n_values(self) -> int:
        """Length D of one descriptor; 0 before the first image."""
        return int(self._values.shape[1])

    def add(self, descriptors: Descriptors) -> None:
        """Offer the strongest share of one image's descriptors; those of zeros, with nothing to see, are left out.

        Raises
        ------
        InputError
            If D is not that of the images before.
        """
        self._accept_length(descriptors.values.shape[1])
        chosen = strongest_rows(descriptors, self.config.strongest)
        keys = self._random_keys(descriptors, len(chosen))
        room = min(len(chosen), len(self._keys) - self._n)
        self._values[self._n : self._n + room] = descriptors.values[chosen[:room]]
        self._keys[self._n : self._n + room] = keys[:room]
        self._n += room
        if room < len(chosen):
            self._replace_largest(descriptors.values, chosen[room:], keys[room:])

    def chunks(self, n_rows: int = 16_384) -> Iterator[Float32]:
        """Yield the sample in the order of its keys, `n_rows` at a time."""
        order = np.argsort(self._keys[: self._n], kind="stable")
        for start in range(0, self._n, n_rows):
            yield self._values[order[start : start + n_rows]]

    def _accept_length(self, n_values: int) -> None:
        if self._values.size == 0:
            self._values = np.empty((self.config.max_descriptors, n_values), np.float32)
        elif n_values != self.n_values:
            raise InputError(
                f"A descriptor has {n_values} values, those before had {self.n_values}; "
                "describe all images with one describer and one model."
            )

    def _random_keys(self, descriptors: Descriptors, n: int) -> NDArray[np.float64]:
        content = hashlib.blake2b(np.ascontiguousarray(descriptors.strength).tobytes(), digest_size=8).digest()
        return np.random.default_rng([self.config.seed, int.from_bytes(content, "little")]).random(n)

    def _replace_largest(self, values: Float32, rows: NDArray[np.intp], keys: NDArray[np.float64]) -> None:
        """Put the rows whose keys are smaller in the places of those with the largest keys."""
        capacity = len(self._keys)
        everything = np.concatenate([self._keys, keys])
        kept = np.zeros(len(everything), bool)
        kept[np.argpartition(everything, capacity - 1)[:capacity]] = True
        places, entering = np.flatnonzero(~kept[:capacity]), np.flatnonzero(kept[capacity:])
        self._values[places] = values[rows[entering]]
        self._keys[places] = keys[entering]


def strongest_rows(descriptors: Descriptors, share: float) -> NDArray[np.intp]:
    """Return the rows of the strongest share that are not zero, ascending; equal strengths go by row."""
    n_kept = math.ceil(share * len(descriptors))
    rows = np.sort(np.argsort(-descriptors.strength, kind="stable")[:n_kept])
    return rows[descriptors.values[rows].any(axis=1)]
