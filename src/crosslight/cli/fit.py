"""crosslight fit: aligned pairs -> model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosslight.cli.console import out, progress_bar
from crosslight.cli.options import Device, PresetName, Seed


def fit(
    a_dir: Annotated[Path, typer.Argument(help="Folder of modality A; pairs share their file stem.")],
    b_dir: Annotated[Path, typer.Argument(help="Folder of modality B.")],
    model: Annotated[Path, typer.Option("--out", help="Model folder to write.")],
    split: Annotated[Path | None, typer.Option(help="CSV name,split: trains on train, calibrates on val.")] = None,
    pair_pattern: Annotated[
        tuple[str, str] | None, typer.Option(help="Names within one folder: '{id}_BF.tif' '{id}_SHG.tif'.")
    ] = None,
    preset: Annotated[
        PresetName, typer.Option(help="default, paper (faithful), originals (as they are) or a translation.")
    ] = PresetName.default,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings, instead of a preset.")] = None,
    critic: Annotated[str | None, typer.Option(help="correlation or mse; overrides the preset.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Train for so long.")] = None,
    steps: Annotated[int | None, typer.Option(help="Train for so many steps; 0: the head start alone.", min=0)] = None,
    device: Device = "auto",
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")] = False,
) -> None:
    """Learn to bring both modalities into one common representation."""
    import crosslight

    with progress_bar() as progress:
        result = crosslight.fit(
            a_dir, b_dir, out=model, split=split, pair_pattern=pair_pattern, preset=preset.value, config=config,
            critic=critic, minutes=minutes, steps=steps, device=device, seed=seed, resume=resume, progress=progress,
        )  # fmt: skip
    record = result.training
    if not record["steps"]:
        ended = "images are compared as they are"
    elif "losses" in record:
        ended = ", ".join(f"{name} {value:.2f}" for name, value in record["losses"].items())
    else:
        ended = f"loss {record['loss']:.3f}, in-batch accuracy {record['accuracy']:.2f}"
    out.print(f"{record['n_pairs']} pairs, {record['steps']} steps in {record['seconds']:.0f} s: {ended}")
    out.print(f"model {result.fingerprint} in {model}; look at {model / 'preview.png'}", markup=False)
