"""A trained model: two networks and all that is needed to use them, as a folder of safetensors and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from crosslight.config import NetworkConfig
from crosslight.represent.admission import Admission
from crosslight.represent.comir.fold import fold_norms
from crosslight.represent.comir.infer import run_network, run_with_margin
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.network import Enlarged, build_network
from crosslight.represent.record import DEFAULT_METHOD, damaged, hash_parts, read_record_of, write_model
from crosslight.settings import from_dict
from crosslight.types import MODALITIES, Float32, Image, Modality, Representation

FORMAT_VERSION = 2  # 1: networks with a stem of one layer


@dataclass(frozen=True, kw_only=True)
class OutputScale:
    """Mean per channel and one standard deviation for all: the relative strength of the channels is information."""

    mean: tuple[float, ...]
    std: float


class ComirRepresenter:
    """One modality's network with its pre- and post-processing; `cell_px` as in `NetworkConfig`."""

    def __init__(
        self, admission: Admission, network: nn.Module, scale: OutputScale, device: torch.device, cell_px: int = 0
    ) -> None:
        self.admission, self.scale, self.device = admission, scale, device
        self.network = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.n_channels = len(scale.mean)
        self.stride = cell_px or int(network.stride)  # type: ignore[arg-type]

    def represent(self, image: Image) -> Representation:
        """Return the representation of `image`; raises InputError when it is not of the modality's kind."""
        return self._finish(run_network(self._quick, self.intensity, self.admission.admit(image), self.device))

    @property
    def intensity(self) -> Intensity:
        """How pixel values are brought to what the network reads."""
        return self.admission.intensity

    @cached_property
    def plain(self) -> ComirRepresenter:
        """The same without enlarging, for large images and for what is enlarged already."""
        return self.with_cells(0)

    def with_cells(self, cell_px: int) -> ComirRepresenter:
        """Return the same with cells of another side."""
        return ComirRepresenter(self.admission, self.network, self.scale, self.device, cell_px)

    @property
    def multiple_px(self) -> int:
        """Windows of a large image start on multiples of this, so that their cells meet."""
        return int(self._quick.multiple_px)  # type: ignore[arg-type]

    def represent_window(self, pixels: NDArray[Any], margin_px: int) -> Representation:
        """Return the representation of the middle of a window, without a seam to its neighbours.

        Parameters
        ----------
        pixels : ndarray of shape (rows + 2 * margin_px, cols + 2 * margin_px, C)
            A window with its context, starting on a multiple of `multiple_px` of its image.
        margin_px : int
            A multiple of `multiple_px`; 256 keeps the difference between windows below 1 % of the range, but for
            what bfloat16 rounds (up to 3 % in places, before any training).
        """
        window = self.admission.in_channels(Image(pixels=pixels, name="A window"))
        return self._finish(run_with_margin(self._quick, self.intensity, window.pixels, margin_px, self.device))

    @cached_property
    def _quick(self) -> nn.Module:
        return show_enlarged(fold_norms(self.network), self.stride)

    def _finish(self, raw: Float32) -> Representation:
        mean = np.asarray(self.scale.mean, np.float32)[:, None, None]
        return Representation.rounded((raw - mean) / np.float32(self.scale.std), self.stride)


def show_enlarged(network: nn.Module, cell_px: int) -> nn.Module:
    """Return a network whose cells cover `cell_px` pixels; itself where they do, or where that is 0."""
    return network if cell_px in (0, network.stride) else Enlarged(network, cell_px)


def measure_scale(
    network: nn.Module, intensity: Intensity, images: Iterable[Image], device: torch.device, cell_px: int = 0
) -> OutputScale:
    """Run a network over a few training images and return mean and spread of what comes out."""
    shown = show_enlarged(network.eval(), cell_px)
    values = np.concatenate(
        [(z := run_network(shown, intensity, image, device)).reshape(z.shape[0], -1) for image in images], axis=1
    )
    std = float(np.sqrt(values.var(axis=1).mean()))
    return OutputScale(mean=tuple(float(v) for v in values.mean(axis=1)), std=max(std, 1e-6))


@dataclass(frozen=True, kw_only=True, eq=False)
class ComirModel:
    """Both modalities' representers, the training record and the calibration; `means_tell` as in `Model`."""

    method: ClassVar[str] = DEFAULT_METHOD

    preset: str
    network: NetworkConfig
    representers: Mapping[Modality, ComirRepresenter]
    means_tell: bool = True
    mpp: float | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)

    def representer(self, modality: Modality) -> ComirRepresenter:
        """Return the representer of one modality."""
        return self.representers[modality]

    def with_cells(self, cell_px: int) -> ComirModel:
        """Return the same model with cells of another side; see `NetworkConfig.cell_px`."""
        representers = {m: r.with_cells(cell_px) for m, r in self.representers.items()}
        return replace(self, network=replace(self.network, cell_px=cell_px), representers=representers)

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and weights: an index belongs to exactly one."""
        parts: list[object] = []
        settings = {k: v for k, v in asdict(self.network).items() if v or k != "cell_px"}  # as before there was one
        for modality in MODALITIES:
            r = self.representers[modality]
            parts += [[settings, asdict(r.intensity), asdict(r.scale)], r.network]
        return hash_parts(parts)

    def save(self, folder: Path) -> None:
        """Write the weights first and model.json last: a folder with model.json is complete."""
        record = {
            "format_version": FORMAT_VERSION,
            "preset": self.preset,
            "network": asdict(self.network),
            "modalities": {
                modality: {"intensity": asdict(r.intensity), "output": asdict(r.scale)}
                for modality, r in self.representers.items()
            },
            "means_tell": self.means_tell,
            "mpp": self.mpp,
            "training": dict(self.training),
            "calibration": dict(self.calibration),
        }
        write_model(folder, record, {m.lower(): r.network for m, r in self.representers.items()})

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> ComirModel:
        """Read a model folder; raises ModelError when it is damaged or too new, ConfigError for another method's."""
        record = read_record_of(folder, cls.method, FORMAT_VERSION)
        try:
            config = from_dict(NetworkConfig, record["network"])
            parts = record["modalities"]
            intensities = {modality: from_dict(Intensity, parts[modality]["intensity"]) for modality in MODALITIES}
            representers: dict[Modality, ComirRepresenter] = {}
            for modality in MODALITIES:
                network = build_network(intensities[modality].n_channels, config)
                network.load_state_dict(load_file(folder / f"{modality.lower()}.safetensors"))
                scale = from_dict(OutputScale, parts[modality]["output"])
                admission = Admission.of(modality, intensities)
                representers[modality] = ComirRepresenter(
                    admission, network, scale, torch.device(device), config.cell_px
                )
        except Exception as error:
            raise damaged(folder, error) from error
        return cls(
            preset=record["preset"], network=config, representers=representers,
            means_tell=record.get("means_tell", True),  # as before there was a choice
            mpp=record["mpp"], training=record["training"], calibration=record["calibration"],
        )  # fmt: skip
