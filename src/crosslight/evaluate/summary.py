"""One row per method: how often it is right across modalities, how fast, and how large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosslight.encode.statistics import WordStatistics
from crosslight.evaluate.cells import Results, estimate_cells
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import Estimate
from crosslight.evaluate.plots import cross_cells
from crosslight.evaluate.queries import Size
from crosslight.evaluate.tables import Labels, name_method, name_repository


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """What one method reached.

    Attributes
    ----------
    method : str
        The row's name, as it was asked for.
    name : str
        The same for people.
    shares : mapping of size to list of Estimate
        Acc@k for each k, transformed queries across modalities, mean of the directions and folds.
    best : mapping of size to list of bool
        Whether it is the best of all methods.
    seconds : float
        Per query, mean over all cells.
    prepare_s : float
        To take in one repository, mean over repositories.
    peak_bytes : int
        Most memory of the process while it ran.
    grown_bytes : int
        By how much that was more than before the method was prepared; 0 where it is not known.
    """

    method: str
    name: str
    shares: dict[Size, list[Estimate]]
    best: dict[Size, list[bool]]
    seconds: float
    prepare_s: float
    peak_bytes: int
    grown_bytes: int


def summarise(
    results: Results, methods: Sequence[Method], sizes: Sequence[Size], ks: Sequence[int]
) -> list[SummaryRow]:
    """Return a row for every method with a finished cell, in the order given."""
    rows = []
    for method in methods:
        mine = results.find(method=method.name)
        if not mine:
            continue
        shares: dict[Size, list[Estimate]] = {}
        for size in sizes:
            cells = cross_cells(results, method, size)
            if cells:
                shares[size] = [e for k in ks if (e := estimate_cells(cells, k)) is not None]
        rows.append(
            SummaryRow(
                method=method.name,
                name=name_method(method),
                shares=shares,
                best={},
                seconds=float(np.mean([c.seconds for c in mine])),
                prepare_s=float(np.mean([c.prepare_s for c in mine])),
                peak_bytes=max(c.peak_bytes for c in mine),
                grown_bytes=max(c.grown_bytes for c in mine),
            )
        )
    for size in sizes:
        _mark_best([r for r in rows if size in r.shares], size, len(ks))
    return rows


def _mark_best(rows: Sequence[SummaryRow], size: Size, n: int) -> None:
    for row in rows:
        row.best[size] = [
            len(rows) > 1 and row.shares[size][i].share == max(r.shares[size][i].share for r in rows) > 0
            for i in range(n)
        ]


@dataclass(frozen=True, kw_only=True)
class WordsRow:
    """The visual words of one method in one repository, of the first fold."""

    name: str
    searched: str
    statistics: WordStatistics


def summarise_words(results: Results, methods: Sequence[Method], labels: Labels) -> list[WordsRow]:
    """Return a row for every vocabulary whose statistics were kept."""
    rows: dict[tuple[str, str], WordsRow] = {}
    for method in methods:
        for result in results.find(method=method.name):
            if result.words is not None:
                searched = name_repository(method, result.cell.space, result.cell.repository, labels)
                row = WordsRow(name=name_method(method), searched=searched, statistics=result.words)
                rows.setdefault((row.name, f"{result.cell.space} {searched}"), row)
    return list(rows.values())
