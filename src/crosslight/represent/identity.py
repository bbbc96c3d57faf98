"""The images themselves as their own representation: what the paper's tables call the originals."""

from __future__ import annotations

from dataclasses import dataclass

from crosslight.represent.grey import to_codes, to_unit
from crosslight.types import Image, Modality, Representation


class IdentityRepresenter:
    """Turns an image into its own 8 bits at full resolution; nothing is learnt."""

    def __init__(self, *, colour: bool = False) -> None:
        self.colour = colour
        self.n_channels, self.stride = 3 if colour else 1, 1

    def represent(self, image: Image) -> Representation:
        """Return the image as a representation of stride 1.

        `to_codes` of the result gives the 8-bit pixels back. uint8 images keep their full range; others are scaled
        by their own 0.1 to 99.9 percentile. One channel is the luminance of three, the mean of any other number;
        in colour, a grey image is copied into three channels.
        """
        return Representation.from_codes(to_codes(to_unit(image.pixels), colour=self.colour), self.stride)


@dataclass(frozen=True, kw_only=True)
class IdentityModel:
    """Both modalities as they are. `colour` keeps three channels, for describers that read colour."""

    colour: bool = False

    @property
    def fingerprint(self) -> str:
        """A name for the settings."""
        return "identity-colour" if self.colour else "identity-grey"

    def representer(self, modality: Modality) -> IdentityRepresenter:
        """Return the same representer for either modality."""
        return IdentityRepresenter(colour=self.colour)
