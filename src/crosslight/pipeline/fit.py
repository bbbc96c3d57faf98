"""fit: aligned pairs -> model."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosslight import __version__
from crosslight.config import TRANSLATION_PRESETS, FitConfig, TranslationConfig
from crosslight.config import preset as preset_config
from crosslight.errors import ConfigError, InputError
from crosslight.pipeline.contrast import ContrastRecipe, draw_pairs
from crosslight.pipeline.recipe import Recipe, spread
from crosslight.pipeline.translate import TranslationRecipe
from crosslight.progress import silent
from crosslight.read.pairs import find_pairs
from crosslight.represent.checkpoint import has_checkpoint
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.intensity import Intensity, measure_intensity
from crosslight.represent.comir.model import ComirModel
from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.identity import IdentityModel
from crosslight.represent.record import is_finished
from crosslight.represent.training import Budget, Record
from crosslight.settings import read_settings
from crosslight.types import Pair, Progress

N_MEASURED = 40  # training images looked at for their size and range


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
        "default", "best" (eight times as long, at a lower rate) or "paper"; "originals" to compare images as they are;
        "pix2pix", "cyclegan", "pix2pix-small" or "cyclegan-small" for translations to compare with.
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
    if critic is not None:
        if isinstance(settings, TranslationConfig):
            raise ConfigError(f"A critic ({critic!r}) is not part of {settings.method}; leave it out.")
        settings = replace(settings, loss=replace(settings.loss, critic=critic))
    return fit_pairs(
        folder.part("train"), Path(out), val=folder.part("val"), config=settings, minutes=minutes, steps=steps,
        device=device, seed=seed, resume=resume, progress=progress,
    )  # fmt: skip


def keep_originals(pairs: Sequence[Pair], out: Path, *, device: str = "auto") -> IdentityModel:
    """Write a model folder that shows images as they are: nothing is trained."""
    _check_input(pairs, out, resume=False)
    record = {"crosslight": __version__, "finished": True, "n_pairs": len(pairs), "steps": 0, "seconds": 0.0}
    model = IdentityModel(device=choose_device(device), training=record)
    model.save(out)
    draw_pairs(model, pairs, out / "preview.png")
    return model


def fit_pairs(
    train: Sequence[Pair],
    out: Path,
    *,
    val: Sequence[Pair] = (),
    config: FitConfig | TranslationConfig,
    minutes: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
) -> ComirModel | TranslationModel:
    """Train networks on aligned pairs and write a model folder.

    Parameters
    ----------
    train : sequence of Pair
        Read as they are needed; equal channel counts per modality, at least a training crop a side (128 px; of a
        translation, `config.crop_px`).
    out : Path
        The model folder; a folder that already holds a finished model is not overwritten.
    val : sequence of Pair
        Used after training for calibrating the confidence, never for training; a translation only shows them.
    config : FitConfig or TranslationConfig
        See `crosslight.config.preset` and ``crosslight.config.TRANSLATION_PRESETS``.
    minutes, steps : float, int, optional
        When to stop; `steps` defaults to the settings'. With 0 the model is the head start as it is: it has seen no
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
    _check_input(train, out, resume=resume)
    _check_budget(config, minutes, steps)
    recipe: Recipe = ContrastRecipe(config) if isinstance(config, FitConfig) else TranslationRecipe(config)
    processor = choose_device(device)
    training = recipe.start(_measure_intensities(train, recipe), processor, seed)
    checkpoint = out / "checkpoint"
    if resume:
        training.restore(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    budget = Budget(steps=recipe.n_steps(len(train)) if steps is None else steps, minutes=minutes)

    def write() -> Any:
        model = recipe.to_model(training, train)
        model.save(out)
        _write_records(training.records, out / "training.csv")
        return model

    try:
        training.run(
            train, budget, checkpoint=checkpoint, on_step=lambda: recipe.watch(training, train, val, out),
            progress=progress,
        )  # fmt: skip
    except KeyboardInterrupt:
        if training.step > 0:
            write()
        raise
    model = recipe.finish(write(), train, val, out, progress)
    model = replace(model, training={**model.training, "finished": True})
    model.save(out)
    shutil.rmtree(checkpoint, ignore_errors=True)
    return model  # type: ignore[no-any-return]


def _check_input(train: Sequence[Pair], out: Path, *, resume: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give the name of a folder that can be made there.")
    if is_finished(out):
        raise InputError(f"{out} already holds a finished model; choose another --out, or delete that folder first.")
    if resume and not has_checkpoint(out / "checkpoint"):
        raise InputError(f"{out} holds no checkpoint to resume from; run the same command without --resume.")
    if not train:
        raise InputError("There is no training pair; check the folders and that split.csv marks some as train.")


def _check_budget(config: FitConfig | TranslationConfig, minutes: float | None, steps: int | None) -> None:
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"minutes is {minutes}; use a positive number.")
    if steps is not None and steps < 0:
        raise ConfigError(f"steps is {steps}; use 0 or more.")
    if steps == 0 and minutes is None and (isinstance(config, TranslationConfig) or config.start == "random"):
        raise ConfigError(f"steps is 0, but {config.preset} has no head start to use as it is; train at least 1 step.")


def _measure_intensities(train: Sequence[Pair], recipe: Recipe) -> tuple[Intensity, Intensity]:
    some = spread(train, N_MEASURED)
    for pair in some:
        if min(pair.a.height_px, pair.a.width_px) < recipe.min_side_px:
            raise InputError(
                f"Pair {pair.name} is {pair.a.width_px} x {pair.a.height_px} px; training needs at least "
                f"{recipe.min_side_px} px a side. Leave it out or use a larger image."
            )
    return (
        measure_intensity((p.a for p in some), recipe.config.log_a),
        measure_intensity((p.b for p in some), recipe.config.log_b),
    )


def _write_records(records: Sequence[Record], path: Path) -> None:
    names = list(records[0]) if records else ["step", "seconds", "loss", "accuracy", "learning_rate"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(records)
