"""A trained model: two networks and all that is needed to use them, as a folder of safetensors and JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from crosslight.config import NetworkConfig, from_dict
from crosslight.errors import ModelError
from crosslight.represent.comir.infer import run_network, run_with_margin
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.network import build_network
from crosslight.types import MODALITIES, Float32, Image, Modality, Representation

FORMAT_VERSION = 2  # 1: networks with a stem of one layer


@dataclass(frozen=True, kw_only=True)
class OutputScale:
    """Mean per channel and one standard deviation for all: the relative strength of the channels is information."""

    mean: tuple[float, ...]
    std: float


class ComirRepresenter:
    """One modality's network with its pre- and post-processing."""

    def __init__(
        self, modality: Modality, network: nn.Module, intensity: Intensity, scale: OutputScale, device: torch.device
    ) -> None:
        self.modality, self.intensity, self.scale, self.device = modality, intensity, scale, device
        self.network = network.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.n_channels = len(scale.mean)
        self.stride = int(network.stride)  # type: ignore[arg-type]

    def represent(self, image: Image) -> Representation:
        """Return the representation of `image`; raises InputError for a wrong channel count."""
        self.intensity.check(image, self.modality)
        return self._finish(run_network(self.network, self.intensity, image, self.device))

    @property
    def multiple_px(self) -> int:
        """Windows of a large image start on multiples of this, so that their cells meet."""
        return int(self.network.multiple_px)

    def represent_window(self, pixels: NDArray[Any], margin_px: int) -> Representation:
        """Return the representation of the middle of a window, without a seam to its neighbours.

        Parameters
        ----------
        pixels : ndarray of shape (rows + 2 * margin_px, cols + 2 * margin_px, C)
            A window with its context, starting on a multiple of `multiple_px` of its image.
        margin_px : int
            A multiple of `multiple_px`; 256 keeps the difference between windows below 1 % of the range.
        """
        return self._finish(run_with_margin(self.network, self.intensity, pixels, margin_px, self.device))

    def _finish(self, raw: Float32) -> Representation:
        mean = np.asarray(self.scale.mean, np.float32)[:, None, None]
        return Representation.rounded((raw - mean) / np.float32(self.scale.std), self.stride)


def measure_scale(
    network: nn.Module, intensity: Intensity, images: Iterable[Image], device: torch.device
) -> OutputScale:
    """Run a network over a few training images and return mean and spread of what comes out."""
    network.eval()
    values = np.concatenate(
        [(z := run_network(network, intensity, image, device)).reshape(z.shape[0], -1) for image in images], axis=1
    )
    std = float(np.sqrt(values.var(axis=1).mean()))
    return OutputScale(mean=tuple(float(v) for v in values.mean(axis=1)), std=max(std, 1e-6))


@dataclass(frozen=True, kw_only=True, eq=False)
class ComirModel:
    """Both modalities' representers, the training record and the calibration."""

    preset: str
    network: NetworkConfig
    representers: Mapping[Modality, ComirRepresenter]
    mpp: float | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)

    def representer(self, modality: Modality) -> ComirRepresenter:
        """Return the representer of one modality."""
        return self.representers[modality]

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and weights: an index belongs to exactly one."""
        digest = hashlib.blake2b(digest_size=12)
        for modality in MODALITIES:
            r = self.representers[modality]
            settings = [asdict(self.network), asdict(r.intensity), asdict(r.scale)]
            digest.update(json.dumps(settings, sort_keys=True).encode())
            for name, tensor in sorted(r.network.state_dict().items()):
                digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the weights first and model.json last: a folder with model.json is complete."""
        folder.mkdir(parents=True, exist_ok=True)
        modalities = {}
        for modality, r in self.representers.items():
            weights = {k: v.cpu().contiguous() for k, v in r.network.state_dict().items()}
            temporary = folder / f"{modality.lower()}.safetensors.new"
            save_file(weights, temporary)
            temporary.replace(folder / f"{modality.lower()}.safetensors")
            modalities[modality] = {"intensity": asdict(r.intensity), "output": asdict(r.scale)}
        record = {
            "format_version": FORMAT_VERSION,
            "preset": self.preset,
            "network": asdict(self.network),
            "modalities": modalities,
            "mpp": self.mpp,
            "training": dict(self.training),
            "calibration": dict(self.calibration),
        }
        temporary = folder / "model.json.new"
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        temporary.replace(folder / "model.json")

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> ComirModel:
        """Read a model folder; raises ModelError when it is missing, damaged or too new."""
        record = _read_record(folder)
        try:
            config = from_dict(NetworkConfig, record["network"])
            representers: dict[Modality, ComirRepresenter] = {}
            for modality in MODALITIES:
                part = record["modalities"][modality]
                intensity = from_dict(Intensity, part["intensity"])
                network = build_network(intensity.n_channels, config)
                network.load_state_dict(load_file(folder / f"{modality.lower()}.safetensors"))
                scale = from_dict(OutputScale, part["output"])
                representers[modality] = ComirRepresenter(modality, network, intensity, scale, torch.device(device))
        except Exception as error:
            raise ModelError(f"The model in {folder} is damaged ({error}); copy it again or train it anew.") from error
        return cls(
            preset=record["preset"], network=config, representers=representers, mpp=record["mpp"],
            training=record["training"], calibration=record["calibration"],
        )  # fmt: skip


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a model: it has no model.json; make one with `crosslight fit`.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}/model.json cannot be read ({error}); copy the model again.") from error
    version = record.get("format_version")
    if version != FORMAT_VERSION:
        older = isinstance(version, int) and version < FORMAT_VERSION
        remedy = "train it anew with `crosslight fit`" if older else "update Crosslight"
        raise ModelError(f"{folder} has model format {version}, this Crosslight reads {FORMAT_VERSION}; {remedy}.")
    return record
