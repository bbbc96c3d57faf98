"""fit by translation: pairs -> a pix2pix or CycleGAN model."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosslight import __version__
from crosslight.config import TranslationConfig, to_dict
from crosslight.errors import ConfigError, InputError
from crosslight.progress import silent
from crosslight.registry import load
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.gan.model import TranslationModel
from crosslight.represent.gan.samples import draw_samples
from crosslight.represent.gan.training import TranslationTraining
from crosslight.represent.record import is_finished
from crosslight.represent.training import Budget
from crosslight.types import Pair, Progress

N_MEASURED = 40  # training images looked at for their range
N_DRAWN = 4


def fit_translation(
    train: Sequence[Pair],
    out: Path,
    *,
    val: Sequence[Pair] = (),
    config: TranslationConfig,
    minutes: float | None = None,
    steps: int | None = None,
    device: str = "auto",
    seed: int = 0,
    resume: bool = False,
    progress: Progress = silent,
) -> TranslationModel:
    """Train generators in both directions and write a model folder.

    Parameters
    ----------
    train : sequence of Pair
        Read as they are needed; equal channel counts per modality, at least `config.crop_px` a side.
    out : Path
        The model folder: to_a.safetensors (makes A from B), to_b.safetensors, model.json, training.csv, and samples/
        with pictures drawn during training. A finished model is not overwritten.
    val : sequence of Pair
        Only drawn in the samples, instead of training pairs.
    config : TranslationConfig
        See ``crosslight.config.TRANSLATION_PRESETS``.
    minutes, steps : float, int, optional
        When to stop; by default after `config.epochs` times the pairs.
    seed : int
        The same seed, pairs, steps and machine give the same model.
    resume : bool
        Go on from the checkpoint in `out`.

    Raises
    ------
    InputError, ConfigError, ModelError, TrainingDivergedError
        KeyboardInterrupt is passed on after a usable model and a checkpoint have been written.
    """
    _check(train, out, minutes, resume=resume)
    some = [train[i] for i in range(0, len(train), max(1, len(train) // N_MEASURED))]
    intensities = (
        measure_intensity((p.a for p in some), config.log_a),
        measure_intensity((p.b for p in some), config.log_b),
    )
    kind = load("translation", config.method)
    training: TranslationTraining = kind(intensities, config, device=choose_device(device), seed=seed)
    checkpoint = out / "checkpoint"
    if resume:
        training.restore(checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    drawn = list((val or train)[:N_DRAWN])

    def draw() -> None:
        if training.step % config.sample_every == 0:
            draw_samples(_to_model(training, train), drawn, out / "samples" / f"step_{training.step:06d}.jpg")

    budget = Budget(steps=steps or max(1, config.epochs * len(train) // config.n_pairs), minutes=minutes)
    try:
        training.run(train, budget, checkpoint=checkpoint, on_step=draw, progress=progress)
    except KeyboardInterrupt:
        training.save(checkpoint)
        if training.step > 0:
            _write(_to_model(training, train), training, out)
        raise
    model = _to_model(training, train)
    _write(model, training, out)
    draw_samples(model, drawn, out / "preview.png")
    model = replace(model, training={**model.training, "finished": True})
    model.save(out)
    shutil.rmtree(checkpoint, ignore_errors=True)
    return model


def _check(train: Sequence[Pair], out: Path, minutes: float | None, *, resume: bool) -> None:
    if not train:
        raise InputError("There is no training pair; check the folders and that split.csv marks some as train.")
    if minutes is not None and minutes <= 0:
        raise ConfigError(f"minutes is {minutes}; use a positive number.")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give the name of a folder that can be made there.")
    if is_finished(out):
        raise InputError(f"{out} already holds a finished model; choose another --out, or delete that folder first.")
    if resume and not any((out / name).exists() for name in ("checkpoint", "checkpoint.old")):
        raise InputError(f"{out} holds no checkpoint to resume from; run the same command without --resume.")


def _to_model(training: TranslationTraining, train: Sequence[Pair]) -> TranslationModel:
    """Return the generators as they are; they go on being trained."""
    kind: type[TranslationModel] = load("representer", training.method)
    record = {
        "crosslight": __version__,
        "finished": False,
        "config": to_dict(training.config),
        "seed": training.seed,
        "n_pairs": len(train),
        "steps": training.step,
        "seconds": round(training.seconds, 1),
        "device": str(training.device),
        "losses": _recent(training.records),
        "date": time.strftime("%Y-%m-%d"),
    }
    return kind(
        config=training.config,
        generators={"A": training.generators["ba"], "B": training.generators["ab"]},
        intensities={"A": training.intensities[0], "B": training.intensities[1]},
        device=training.device,
        mpp=train[0].a.mpp,
        training=record,
    )


def _recent(records: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each loss over the last hundred steps."""
    last = records[-100:]
    names = [n for n in (last[0] if last else {}) if n not in ("step", "seconds", "learning_rate")]
    return {name: round(sum(r[name] for r in last) / len(last), 4) for name in names}


def _write(model: TranslationModel, training: TranslationTraining, out: Path) -> None:
    model.save(out)
    with (out / "training.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(training.records[0]))
        writer.writeheader()
        writer.writerows(training.records)
