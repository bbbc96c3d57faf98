"""fit: aligned pairs -> model."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from crosslight import __version__
from crosslight.config import TRANSLATION_PRESETS, FitConfig, TranslationConfig, read_settings, to_dict
from crosslight.config import preset as preset_config
from crosslight.errors import ConfigError, InputError
from crosslight.pipeline.calibrate import calibrate
from crosslight.pipeline.translate import fit_translation
from crosslight.progress import silent
from crosslight.read.pairs import find_pairs
from crosslight.represent.base import Model
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.intensity import Intensity, measure_intensity
from crosslight.represent.comir.model import ComirModel, ComirRepresenter, measure_scale
from crosslight.represent.comir.train import Training
from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.identity import IdentityModel
from crosslight.represent.record import is_finished
from crosslight.represent.training import Budget, Record
from crosslight.show.preview import PreviewRow, draw_preview
from crosslight.types import MODALITIES, Modality, Pair, Progress

MIN_SIDE_PX = 128  # a training crop
N_MEASURED = 40  # training images looked at for intensity and output scale
N_PREVIEWED = 4


def fit(
    a_dir: Path | str,
    b_dir: Path | str,
    *,
    out: Path | str,
    split: Path | str | None = None,
    pair_pattern: tuple[str, str] | None = None,
    preset: str = "default",
    config: Path | str | None = None,
    critic: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
) -> ComirModel | TranslationModel | IdentityModel:
    """Train on two folders of aligned images that pair by file stem; see `fit_pairs` for the rest.

    Parameters
    ----------
    a_dir, b_dir : Path
        Folders of modality A and B.
    split : Path, optional
        CSV with columns name,split: trains on `train`, calibrates on `val`; `test` is never opened. Without it all
        pairs are trained on.
    pair_pattern : tuple of str, optional
        For other names, ``("{id}_BF.tif", "{id}_SHG.tif")``; both folders may be the same.
    preset : str
        "default" or "paper"; "originals" to compare images as they are; "pix2pix", "cyclegan", "pix2pix-small" or
        "cyclegan-small" for translations to compare with, see `crosslight.pipeline.translate`.
    config : Path, optional
        TOML file with the fields of `FitConfig`, or of `TranslationConfig` where it names a `method`, instead of a
        preset.
    critic : str, optional
        Overrides the preset's: "windows", "correlation" or "mse".
    """
    folder = find_pairs(Path(a_dir), Path(b_dir), split=Path(split) if split else None, pattern=pair_pattern)
    if preset == IdentityModel.preset and config is None:
        return keep_originals(folder.part("train"), Path(out), device=device)
    settings = (
        read_settings(Path(config)) if config is not None else TRANSLATION_PRESETS.get(preset) or preset_config(preset)
    )
    if isinstance(settings, TranslationConfig):
        if critic is not None:
            raise ConfigError(f"A critic ({critic!r}) is not part of {settings.method}; leave it out.")
        return fit_translation(
            folder.part("train"), Path(out), val=folder.part("val"), config=settings,
            minutes=minutes, steps=steps, device=device, seed=seed, resume=resume, progress=progress,
        )  # fmt: skip
    if critic is not None:
        settings = replace(settings, loss=replace(settings.loss, critic=critic))
    return fit_pairs(
        folder.part("train"), Path(out), val=folder.part("val"), config=settings, minutes=minutes, steps=steps,
        device=device, seed=seed, resume=resume, progress=progress,
    )  # fmt: skip


def keep_originals(pairs: Sequence[Pair], out: Path, *, device: str = "auto") -> IdentityModel:
    """Write a model folder that shows images as they are: nothing is trained."""
    _check_output(out, resume=False)
    if not pairs:
        raise InputError("There is no pair; check the folders and that split.csv marks some as train.")
    record = {"crosslight": __version__, "finished": True, "n_pairs": len(pairs), "steps": 0, "seconds": 0.0}
    model = IdentityModel(device=choose_device(device), training=record)
    model.save(out)
    _draw(model, pairs, out / "preview.png")
    return model


def fit_pairs(
    train: Sequence[Pair],
    out: Path,
    *,
    val: Sequence[Pair] = (),
    config: FitConfig,
    minutes: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
) -> ComirModel:
    """Train two networks on aligned pairs and write a model folder.

    Parameters
    ----------
    train : sequence of Pair
        Read as they are needed; equal channel counts per modality, at least 128 px a side.
    out : Path
        The model folder; a folder that already holds a finished model is not overwritten.
    val : sequence of Pair
        Used after training for calibrating the confidence, never for training.
    config : FitConfig
        See `crosslight.config.preset`.
    minutes, steps : float, int, optional
        When to stop; `steps` defaults to the preset's. With 0 the model is the head start as it is: it has seen no
        pair, and the pairs tell only how bright the images are.
    device : str
        "auto", "cpu", "cuda", "mps".
    seed : int
        The same seed, pairs, steps and machine give the same model.
    resume : bool
        Go on from the checkpoint in `out`.
    progress : callable
        See `crosslight.progress`.

    Raises
    ------
    InputError, ConfigError, ModelError, TrainingDivergedError
        KeyboardInterrupt is passed on after a usable model and a checkpoint have been written.
    """
    _check_output(out, resume=resume)
    if minutes is not None and minutes <= 0:
        raise ConfigError(f"minutes is {minutes}; use a positive number.")
    processor = choose_device(device)
    intensities = _measure_intensities(train, config)
    checkpoint = out / "checkpoint"
    training = Training(intensities, config, device=processor, seed=seed)
    if resume:
        training.restore(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    budget = Budget(steps=config.optimizer.steps if steps is None else steps, minutes=minutes)
    try:
        training.run(train, budget, checkpoint=checkpoint, progress=progress)
    except KeyboardInterrupt:
        training.save(checkpoint)
        if training.step > 0:
            _write_model(training, train, out)
        raise
    training.save(checkpoint)
    model = _write_model(training, train, out)
    if val:
        model = replace(
            model, calibration=calibrate(model, list(val), picture=out / "calibration.png", progress=progress)
        )
    _draw(model, val or train, out / "preview.png")
    model = replace(model, training={**model.training, "finished": True})
    model.save(out)
    shutil.rmtree(checkpoint, ignore_errors=True)
    return model


def _check_output(out: Path, *, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give the name of a folder that can be made there.")
    if is_finished(out):
        raise InputError(f"{out} already holds a finished model; choose another --out, or delete that folder first.")
    if resume and not any((out / name).exists() for name in ("checkpoint", "checkpoint.old")):
        raise InputError(f"{out} holds no checkpoint to resume from; run the same command without --resume.")


def _measure_intensities(train: Sequence[Pair], config: FitConfig) -> tuple[Intensity, Intensity]:
    if not train:
        raise InputError("There is no training pair; check the folders and that split.csv marks some as train.")
    some = [train[i] for i in _spread(len(train), N_MEASURED)]
    for pair in some:
        if min(pair.a.height_px, pair.a.width_px) < MIN_SIDE_PX:
            raise InputError(
                f"Pair {pair.name} is {pair.a.width_px} x {pair.a.height_px} px; training needs at least "
                f"{MIN_SIDE_PX} px a side. Leave it out or use a larger image."
            )
    return (
        measure_intensity((p.a for p in some), config.log_a),
        measure_intensity((p.b for p in some), config.log_b),
    )


def _spread(n: int, most: int) -> list[int]:
    """Return at most `most` indices, spread evenly over range(n)."""
    return sorted({round(i * (n - 1) / max(1, most - 1)) for i in range(min(n, most))}) if n > 1 else [0]


def _write_model(training: Training, train: Sequence[Pair], out: Path) -> ComirModel:
    """Write the networks as they are; `finished` in the record stays false until calibration and preview are done."""
    some = [train[i] for i in _spread(len(train), N_MEASURED)]
    representers: dict[Modality, ComirRepresenter] = {}
    for modality, network, intensity in zip(MODALITIES, training.networks, training.intensities, strict=True):
        images = [p.a if modality == "A" else p.b for p in some]
        scale = measure_scale(network, intensity, images, training.device)
        representers[modality] = ComirRepresenter(modality, network, intensity, scale, training.device)
    sizes = {p.a.mpp for p in some}
    model = ComirModel(
        preset=training.config.preset,
        network=training.config.network,
        representers=representers,
        mpp=sizes.pop() if len(sizes) == 1 else None,
        training=_record(training, len(train)),
    )
    model.save(out)
    _write_records(training.records, out / "training.csv")
    return model


def _record(training: Training, n_pairs: int) -> dict[str, object]:
    last = training.records[-20:]
    return {
        "crosslight": __version__,
        "finished": False,
        "config": to_dict(training.config),
        "seed": training.seed,
        "n_pairs": n_pairs,
        "steps": training.step,
        "seconds": round(training.seconds, 1),
        "device": str(training.device),
        "threads": torch.get_num_threads(),
        "loss": round(sum(r["loss"] for r in last) / max(1, len(last)), 4),
        "accuracy": round(sum(r["accuracy"] for r in last) / max(1, len(last)), 4),
        "date": time.strftime("%Y-%m-%d"),
    }


def _write_records(records: Sequence[Record], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", "seconds", "loss", "accuracy", "learning_rate"])
        writer.writeheader()
        writer.writerows(records)


def _draw(model: Model, pairs: Sequence[Pair], path: Path) -> None:
    rows = []
    for i in _spread(len(pairs), N_PREVIEWED):
        pair = pairs[i]
        z_a, z_b = model.representer("A").represent(pair.a), model.representer("B").represent(pair.b)
        rows.append(PreviewRow(name=pair.name, a=pair.a, b=pair.b, representation_a=z_a, representation_b=z_b))
    draw_preview(rows, path)
