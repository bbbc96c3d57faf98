"""evaluate: aligned pairs + methods -> the paper's tables, plots, and one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from crosslight.errors import InputError, say_count
from crosslight.evaluate.cells import Results
from crosslight.evaluate.folds import Fold, Patterns, find_folds
from crosslight.evaluate.methods import parse_methods
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.evaluate.report import write_report
from crosslight.evaluate.run import run_comparison
from crosslight.evaluate.story import Story
from crosslight.evaluate.tables import Labels
from crosslight.progress import silent
from crosslight.types import Progress


def evaluate_pairs(
    a_dir: Path | str,
    b_dir: Path | str | None = None,
    *,
    out: Path | str,
    split: Path | str | None = None,
    pair_pattern: Patterns | None = None,
    turned_pattern: Patterns | None = None,
    methods: Sequence[str] = ("paper", "ours"),
    models: Sequence[Path | str] = (),
    labels: tuple[str, str] = ("A", "B"),
    config: EvaluateConfig | None = None,
    command: str = "",
    progress: Progress = silent,
) -> Results:
    """Compare methods on aligned pairs as the paper does, and write a report.

    Parameters
    ----------
    a_dir, b_dir : Path
        Two folders of aligned images, or one folder in the layout of a published benchmark; see `find_folds`.
    out : Path
        Folder for report.html, the tables as CSV, the plots, and what a killed run goes on from.
    split : Path, optional
        CSV name,split: `train` is trained on, `test` is asked.
    pair_pattern, turned_pattern : tuple of str, optional
        Names of the images, and of transformed images that came with them.
    methods : sequence of str
        Rows and groups of rows; see `parse_methods`.
    models : sequence of Path
        Trained models (comir, pix2pix, cyclegan) to use instead of training them here.
    labels : tuple of str
        What the modalities are called in the tables.
    config : EvaluateConfig, optional
        Everything else.
    command : str
        What was typed, for the report.

    Returns
    -------
    results : Results
        Every cell that could be filled, and why others could not.
    """
    settings = config or EvaluateConfig()
    rows = parse_methods(methods)
    folds = find_folds(
        Path(a_dir), Path(b_dir) if b_dir is not None else None, split=Path(split) if split is not None else None,
        pattern=pair_pattern, turned_pattern=turned_pattern,
    )  # fmt: skip
    _check_queries(folds, settings)
    folder = Path(out)
    _open_folder(folder)
    trained = [Path(model) for model in models]
    results = run_comparison(folds, rows, settings, folder, models=trained, progress=progress)
    names = Labels(a=labels[0], b=labels[1])
    write_report(folder, Story(folds=folds, methods=rows, config=settings, labels=names, command=command), results)
    return results


def _open_folder(folder: Path) -> None:
    """Make the folder of the report; hours of work must not end with one that cannot be written to."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the name of a folder for the report.")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written to; change its permissions or choose another folder.")


def _check_queries(folds: Sequence[Fold], config: EvaluateConfig) -> None:
    for fold in folds:
        if len(fold.parts[config.searched]) < 2 or not fold.parts[config.part]:
            raise InputError(
                f"There is nothing to compare: {say_count(len(fold.parts[config.part]), 'pair')} to ask with (part "
                f"{config.part}), {len(fold.parts[config.searched])} to search; mark more pairs in the split."
            )
