"""A trained translation: two generators, as a folder of safetensors and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from crosslight.config import TranslationConfig
from crosslight.errors import InputError
from crosslight.represent.admission import Admission
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.gan.networks import build_generator
from crosslight.represent.grey import to_codes
from crosslight.represent.record import damaged, hash_parts, read_record_of, write_model
from crosslight.settings import from_dict
from crosslight.types import MODALITIES, Float32, Image, Modality, Representation

FORMAT_VERSION = 1
MAX_PIXELS = 2048 * 2048  # an image goes through at once: its normalisation looks at all of it


@torch.inference_mode()
def translate_image(network: nn.Module, intensity: Intensity, image: Image, device: torch.device) -> Float32:
    """Return the translation of a whole image, (H, W, C) float32 in [0, 1].

    The image is mirrored to a multiple of the network's stride and cut back. Raises InputError above 2048 x 2048 px.
    """
    height, width = image.height_px, image.width_px
    if height * width > MAX_PIXELS:
        raise InputError(f"{image.name} is {width} x {height} px; translation takes up to 2048 x 2048. Cut it smaller.")
    multiple = int(network.multiple_px)  # type: ignore[arg-type]
    unit = np.pad(intensity.unit(image.pixels), ((0, -height % multiple), (0, -width % multiple), (0, 0)), "symmetric")
    x = torch.from_numpy(np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * np.float32(2) - np.float32(1)))
    y = network(x.to(device))[0, :, :height, :width].float().cpu().numpy()
    values: Float32 = np.ascontiguousarray(y.transpose(1, 2, 0) * np.float32(0.5) + np.float32(0.5))
    return values


class TranslationRepresenter:
    """Shows images of either modality as one of them: the target's as they are, the others translated."""

    def __init__(self, admission: Admission, network: nn.Module | None, *, colour: bool, device: torch.device) -> None:
        self.admission, self.colour, self.device = admission, colour, device
        self.network = None if network is None else network.to(device).eval()
        self.n_channels, self.stride = 3 if colour else 1, 1

    @property
    def plain(self) -> TranslationRepresenter:
        """Itself: nothing is enlarged."""
        return self

    def represent(self, image: Image) -> Representation:
        """Return the 8 bits of the image or of its translation; raises InputError for one of another kind."""
        image, intensity = self.admission.admit(image), self.admission.intensity
        if self.network is None:
            unit = intensity.unit(image.pixels)
        else:
            unit = translate_image(self.network, intensity, image, self.device)
        return Representation.from_codes(to_codes(unit, colour=self.colour), self.stride)


@dataclass(frozen=True, kw_only=True, eq=False)
class TranslationModel:
    """Generators by what they make, and the modality in which images are compared.

    With ``target="A"`` an image of A is shown as it is and one of B as a "fake A"; with "B" the other way round. The
    folder holds both; `with_target` chooses. `colour` keeps three channels, for describers that read colour.
    """

    method: ClassVar[str]
    means_tell: ClassVar[bool] = True

    config: TranslationConfig
    generators: Mapping[Modality, nn.Module]
    intensities: Mapping[Modality, Intensity]
    target: Modality = "A"
    colour: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    mpp: float | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def preset(self) -> str:
        """The name of its settings."""
        return self.config.preset

    @property
    def network(self) -> TranslationConfig:
        """The settings of the generators."""
        return self.config

    def representer(self, modality: Modality) -> TranslationRepresenter:
        """Return the representer of one modality."""
        network = None if modality == self.target else self.generators[self.target]
        admission = Admission.of(modality, self.intensities)
        return TranslationRepresenter(admission, network, colour=self.colour, device=self.device)

    def with_target(self, target: Modality, *, colour: bool = False) -> Self:
        """Return the same generators for comparing in another modality, in grey or in colour."""
        return type(self)(**{**self.__dict__, "target": target, "colour": colour})

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and weights: an index belongs to exactly one."""
        parts: list[object] = [[asdict(self.config), self.target, self.colour]]
        for modality in MODALITIES:
            parts += [asdict(self.intensities[modality]), self.generators[modality]]
        return hash_parts(parts)

    def save(self, folder: Path) -> None:
        """Write the weights first and model.json last: a folder with model.json is complete."""
        record = {
            "format_version": FORMAT_VERSION,
            "method": self.method,
            "preset": self.preset,
            "translation": asdict(self.config),
            "target": self.target,
            "colour": self.colour,
            "modalities": {m: asdict(i) for m, i in self.intensities.items()},
            "mpp": self.mpp,
            "training": dict(self.training),
            "calibration": dict(self.calibration),
        }
        write_model(folder, record, {f"to_{m.lower()}": network for m, network in self.generators.items()})

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> Self:
        """Read a model folder; raises ModelError when it is damaged or too new, ConfigError for another method's."""
        record = read_record_of(folder, cls.method, FORMAT_VERSION)
        try:
            config = from_dict(TranslationConfig, record["translation"])
            intensities: dict[Modality, Intensity] = {}
            for modality in MODALITIES:
                intensities[modality] = from_dict(Intensity, record["modalities"][modality])
            generators: dict[Modality, nn.Module] = {}
            directions: tuple[tuple[Modality, Modality], ...] = (("A", "B"), ("B", "A"))
            for made, read in directions:
                network = build_generator(intensities[read].n_channels, intensities[made].n_channels, config)
                network.load_state_dict(load_file(folder / f"to_{made.lower()}.safetensors"))
                generators[made] = network.to(device).eval()
            chosen = {key: record[key] for key in ("target", "colour", "mpp", "training", "calibration")}
        except Exception as error:
            raise damaged(folder, error) from error
        return cls(config=config, generators=generators, intensities=intensities, device=torch.device(device), **chosen)
