"""crosslight fit: aligned pairs -> model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import Device, PairPattern, PresetName, Seed
from crosslight.errors import say_count


def fit(
    a_dir: Annotated[
        Path, typer.Argument(help="Folder of modality A; the two images of a pair share their name.", metavar="A_DIR")
    ],
    b_dir: Annotated[Path, typer.Argument(help="Folder of modality B.", metavar="B_DIR")],
    model: Annotated[Path, typer.Option("--out", help="Model folder to write.", metavar="FOLDER")],
    split: Annotated[
        Path | None,
        typer.Option(
            help="CSV with columns name,split: train is trained on, val chooses the cells and calibrates the "
            "confidence, test is never opened. By default all pairs are trained on.",
            metavar="FILE",
        ),
    ] = None,
    pair_pattern: PairPattern = None,
    preset: Annotated[
        PresetName,
        typer.Option(
            help="default; best (4000 steps, at half the rate: minutes of a GPU, an hour of a CPU); paper (as "
            "published); originals (no learning: images as they are); or a translation to compare with: pix2pix, "
            "cyclegan, and each with -small.",
            metavar="NAME",
        ),
    ] = PresetName.default,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings, instead of a preset.", metavar="FILE")
    ] = None,
    critic: Annotated[
        str | None, typer.Option(help="windows, correlation or mse, instead of the preset's.", metavar="NAME")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Train for so long, instead of the preset's steps.", metavar="MINUTES")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Train for so many steps; 0 takes the head start as it is.", min=0, metavar="N"),
    ] = None,
    device: Device = "auto",
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from where a stopped training to --out was.")] = False,
) -> None:
    """Learn the common representation from aligned pairs."""
    import crosslight

    with progress_bar() as progress:
        result = crosslight.fit(
            a_dir, b_dir, out=model, split=split, pair_pattern=pair_pattern, preset=preset.value, config=config,
            critic=critic, minutes=minutes, steps=steps, device=device, seed=seed, resume=resume, progress=progress,
        )  # fmt: skip
    record = result.training
    if not record["steps"]:
        ended = "images are compared as they are" if preset == "originals" else "the head start as it is, untrained"
    elif "losses" in record:
        ended = ", ".join(f"{name} {value:.2f}" for name, value in record["losses"].items())
    else:
        ended = f"loss {record['loss']:.3f}, in-batch accuracy {record['accuracy']:.2f}"
    done = f"{say_count(record['n_pairs'], 'pair')}, {say_count(record['steps'], 'step')}"
    out.print(f"{done} in {record['seconds']:.0f} s: {ended}")
    out.print(f"model {result.fingerprint} in {model}; look at {model / 'preview.png'}", markup=False)
