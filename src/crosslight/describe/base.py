"""What every describer offers."""

from __future__ import annotations

from typing import Protocol

from crosslight.types import Descriptors, Representation


class Describer(Protocol):
    """Finds keypoints in a representation and says what is there."""

    def n_values(self, n_channels: int) -> int:
        """Return D, the length of one descriptor, for a representation of `n_channels` channels."""

    def describe(self, representation: Representation) -> Descriptors:
        """Return the descriptors; none (N = 0) where the representation is too small."""
