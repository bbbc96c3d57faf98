"""Which images a modality takes: those of the channels and of the range of values that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import InputError, say_count
from crosslight.represent.comir.intensity import BYTE, Intensity, sample_pixels
from crosslight.types import Image, Modality

MOST = 0.75  # of the values beyond twice the range: they are of another scale, not only brighter


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What an image must be like to be taken as one of a modality.

    Attributes
    ----------
    modality : {"A", "B"}
    intensity : Intensity
        Its channels, and the range of their values.
    grey_is_other : bool
        The other modality has one channel, and so would an image of one channel be its.
    """

    modality: Modality
    intensity: Intensity
    grey_is_other: bool

    @classmethod
    def of(cls, modality: Modality, intensities: Mapping[Modality, Intensity]) -> Admission:
        """Return what one of both modalities takes."""
        other = intensities["B" if modality == "A" else "A"]
        return cls(modality=modality, intensity=intensities[modality], grey_is_other=other.n_channels == 1)

    def in_channels(self, image: Image) -> Image:
        """Return `image` in the channels that the network reads; raises InputError where that would be a guess."""
        n_channels = self.intensity.n_channels
        same = image.in_channels(n_channels)
        if same is None or (self.grey_is_other and image.n_channels == 1 < n_channels):
            raise InputError(
                f"{image.name} has {say_count(image.n_channels, 'channel')}, but modality {self.modality} of this "
                f"model was trained on {n_channels}; check that it is of modality {self.modality}, or convert it."
            )
        return same

    def admit(self, image: Image) -> Image:
        """Return `image` as `in_channels` does; raises InputError also when its values are of another range."""
        image = self.in_channels(image)
        if self._is_out_of_range(sample_pixels(image)):
            low, high = (float(v(image.pixels)) for v in (np.min, np.max))
            raise InputError(
                f"{image.name} holds {image.pixels.dtype} values from {low:g} to {high:g}, but modality "
                f"{self.modality} of this model was trained on {self.intensity.low:g} to {self.intensity.high:g}: "
                "almost nothing of it would be seen. Bring it to that range, as the training images were."
            )
        return image

    def _is_out_of_range(self, values: NDArray[np.generic]) -> bool:
        """Tell whether an image's values were scaled otherwise than the training images': by bits, or to [0, 1]."""
        low, high = self.intensity.low, self.intensity.high
        v = np.asarray(values, np.float32)
        too_few_bits = values.dtype == np.uint8 and high > 2 * BYTE
        is_unit = values.dtype.kind == "f" and high >= BYTE and 0.5 < float(v.max()) <= 1
        return too_few_bits or is_unit or float(np.mean(v > low + 2 * (high - low))) > MOST
