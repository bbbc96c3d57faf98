"""Plots in which every method can be seen."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from crosslight.evaluate.cells import Cell, CellResult, Results
from crosslight.evaluate.methods import parse_methods
from crosslight.evaluate.plots import COLOURS, coincide, plot_curves
from crosslight.evaluate.queries import QueryKind

N = 20


def cell(method: str, ranks: list[int]) -> CellResult:
    names = [f"n{i}" for i in range(N)]
    kind = QueryKind(modality="B", transformed=True, size="full")
    return CellResult(
        cell=Cell(fold="", method=method, space="", repository="A", kind=kind), images=names,
        queries=names[: len(ranks)], ranks=ranks, top=[[0]] * len(ranks), similarities=[[1.0]] * len(ranks),
    )  # fmt: skip


def test_curves_that_run_on_each_other_are_all_seen(tmp_path: Path) -> None:
    names = ("originals+surf", "comir+align", "comir+surf+align15", "comir+surf+align30")
    ranks = ([5, 9, 13, 17], [1, 1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 2])
    results = Results(results=[cell(n, r) for n, r in zip(names, ranks, strict=True)])
    plot_curves(results, parse_methods(names), "full", tmp_path / "curves.png")
    with PillowImage.open(tmp_path / "curves.png") as picture:
        axes = np.asarray(picture.convert("RGB"), int)[: int(0.72 * picture.height)]  # without the legend
    for colour in COLOURS[:4]:
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(axes - rgb).max(axis=2) < 20).sum() > 300, colour


def test_curves_that_only_cross_do_not_run_on_each_other() -> None:
    ks = np.arange(20.0)
    assert coincide(ks, ks + 0.1) and not coincide(ks, 19 - ks)
