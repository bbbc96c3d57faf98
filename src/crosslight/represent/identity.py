"""The images themselves as their own representation: what the paper's tables call the originals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch

from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.grey import to_codes, to_unit
from crosslight.represent.record import damaged, read_record_of, write_model
from crosslight.types import Image, Modality, Representation

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """All that can be chosen."""

    colour: bool = False


class IdentityRepresenter:
    """Turns an image into its own 8 bits at full resolution; nothing is learnt."""

    def __init__(self, *, colour: bool = False, device: torch.device | str = "cpu") -> None:
        self.colour, self.device = colour, torch.device(device)
        self.n_channels, self.stride = 3 if colour else 1, 1

    @property
    def intensity(self) -> Intensity:
        """How 8-bit images are scaled: not at all."""
        return Intensity(n_channels=self.n_channels, low=0.0, high=255.0, log_gain=0.0, mean=(), std=())

    @property
    def plain(self) -> IdentityRepresenter:
        """Itself: nothing is enlarged."""
        return self

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

    method: ClassVar[str] = "identity"
    preset: ClassVar[str] = "originals"
    mpp: ClassVar[float | None] = None
    calibration: ClassVar[Mapping[str, Any]] = {}
    means_tell: ClassVar[bool] = True

    colour: bool = False
    device: torch.device | str = "cpu"
    training: Mapping[str, Any] = field(default_factory=lambda: {"finished": True, "steps": 0})

    @property
    def network(self) -> IdentitySettings:
        """The settings, where other models have those of their networks."""
        return IdentitySettings(colour=self.colour)

    @property
    def fingerprint(self) -> str:
        """A name for the settings."""
        return "identity-colour" if self.colour else "identity-grey"

    def representer(self, modality: Modality) -> IdentityRepresenter:
        """Return the same representer for either modality."""
        return IdentityRepresenter(colour=self.colour, device=self.device)

    def save(self, folder: Path) -> None:
        """Write a model folder, so that an index can be made of images as they are."""
        record = {
            "format_version": FORMAT_VERSION,
            "method": self.method,
            "preset": self.preset,
            "colour": self.colour,
            "training": dict(self.training),
        }
        write_model(folder, record)

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> IdentityModel:
        """Read what `save` wrote; raises ModelError when it is damaged or too new, ConfigError for another method's."""
        record = read_record_of(folder, cls.method, FORMAT_VERSION)
        try:
            return cls(colour=bool(record["colour"]), device=device, training=dict(record["training"]))
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(folder, repr(error)) from error
