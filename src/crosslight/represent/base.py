"""What every way to represent offers."""

from __future__ import annotations

from typing import Protocol

from crosslight.types import Image, Modality, Representation


class Representer(Protocol):
    """Turns images of one modality into representations."""

    n_channels: int
    stride: int

    @property
    def plain(self) -> Representer:
        """What shows images as they are, where this enlarges them: for large images and their queries."""

    def represent(self, image: Image) -> Representation:
        """Return the representation of `image`; raises InputError for a wrong channel count."""


class Model(Protocol):
    """Both modalities' representers and what identifies them."""

    @property
    def fingerprint(self) -> str:
        """A hash of settings and weights."""

    @property
    def means_tell(self) -> bool:
        """Whether discs may be found by how strong a channel is in them as a whole."""

    def representer(self, modality: Modality) -> Representer:
        """Return the representer of one modality."""
