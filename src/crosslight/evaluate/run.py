"""Run a comparison: every cell of every method, those that are finished taken from disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crosslight.errors import CrosslightError
from crosslight.evaluate.cells import N_KEPT, Cell, CellCache, CellResult, Results, Spot
from crosslight.evaluate.competitors import baseline_inputs, configure_baseline
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.matchers import (
    Found,
    Matcher,
    Repository,
    words_of,
)
from crosslight.evaluate.material import Images, Material
from crosslight.evaluate.measure import peak_bytes, reset_peak
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import order_hits, rank_truth
from crosslight.evaluate.pictures import draw_space, pick_names
from crosslight.evaluate.protocol import EvaluateConfig, cell_inputs, list_cells
from crosslight.evaluate.shelf import Shelf
from crosslight.evaluate.spaces import Source, Space, sort_models
from crosslight.progress import silent
from crosslight.types import MODALITIES, Progress


@dataclass(frozen=True, eq=False, kw_only=True)
class _Todo:
    """A cell that is not on disk yet, and the name it will have there."""

    method: Method
    cell: Cell
    key: str


def run_comparison(
    folds: Sequence[Fold], methods: Sequence[Method], config: EvaluateConfig, out: Path,
    *, models: Sequence[Path] = (), progress: Progress = silent,
) -> Results:  # fmt: skip
    """Compute every cell that is not in ``out/cells`` yet.

    A method that cannot run here (weights, an optional package or training pairs are missing) leaves its cells empty;
    `Results.reasons` says why, by method.
    """
    cache, given = CellCache(out / "cells"), sort_models(models)
    found: dict[Cell, CellResult] = {}
    reasons: dict[str, str] = {}
    work: list[tuple[Fold, Source | None, list[_Todo]]] = []
    for fold in folds:
        for representation, colour in dict.fromkeys((m.representation, m.reads_colour) for m in methods):
            mine = [m for m in methods if (m.representation, m.reads_colour) == (representation, colour)]
            model = given.get(representation)
            source = Source(representation, fold, config, out, model, colour=colour) if representation else None
            work.append((fold, source, _look_up(fold, source, mine, config, cache, found)))
    _read_through(work, config, progress)
    meter = _Meter(sum(len(fold.parts[config.part]) * len(todo) for fold, _, todo in work), progress)
    for fold, source, todo in work:
        if todo:
            _Bench(fold, source, config, out, meter, draws=fold is folds[0]).run(todo, found, reasons)
    ordered = [found[c] for f in folds for m in methods for c in list_cells(m, f, config) if c in found]
    shown = {r.cell.method for r in ordered}
    whole = [m for m in methods if m.is_whole and m.name in shown]
    notes = {m.name: note for m in whole if (note := configure_baseline(m.matcher, config)[1])}
    return Results(results=ordered, reasons=reasons, notes=notes)


def _look_up(
    fold: Fold, source: Source | None, methods: Sequence[Method], config: EvaluateConfig, cache: CellCache,
    found: dict[Cell, CellResult],
) -> list[_Todo]:  # fmt: skip
    """Take finished cells from disk into `found`; return the others."""
    todo = []
    for method in methods:
        baseline = baseline_inputs(method.matcher, config) if method.is_whole else None
        for cell in list_cells(method, fold, config):
            inputs = cell_inputs(cell, method, fold, config, source.inputs if source else "", baseline)
            key = cache.key(cell, inputs)
            known = cache.read(key)
            if known is None:
                todo.append(_Todo(method=method, cell=cell, key=key))
            else:
                found[cell] = known
    return todo


def _read_through(
    work: Sequence[tuple[Fold, Source | None, Sequence[_Todo]]], config: EvaluateConfig, progress: Progress
) -> None:  # fmt: skip
    """Read what will be needed, so that a bad image is told before anything is trained on the others."""
    for fold in dict.fromkeys(fold for fold, _, todo in work if todo):
        trains = any(source is None or source.trains for f, source, todo in work if f is fold and todo)
        fold.read_through([config.part, config.searched, *(["train"] if trains else [])], progress)


class _Meter:
    """Counts queries over the whole run."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.done, self.total, self.progress = 0, max(1, total), progress

    def step(self, n: int, label: str) -> None:
        self.done += n
        self.progress(self.done, self.total, f"evaluating: {label}")


class _Bench:
    """One representation of one fold, with all methods that build on it."""

    def __init__(
        self, fold: Fold, source: Source | None, config: EvaluateConfig, out: Path, meter: _Meter, *, draws: bool
    ) -> None:
        self.fold, self.source, self.config, self.out, self.meter = fold, source, config, out, meter
        self.cache, self.draws = CellCache(out / "cells"), draws
        self.images = Images(fold, config)

    def run(self, todo: Sequence[_Todo], found: dict[Cell, CellResult], reasons: dict[str, str]) -> None:
        """Fill in all cells; what cannot be had gets a reason."""
        try:
            spaces: list[Space | None] = list(self.source.build(self.meter.progress)) if self.source else [None]
        except CrosslightError as error:
            self._give_up(todo, str(error), reasons)
            return
        for space in spaces:
            material = Material(self.images, space)
            self._draw(material)
            for modality in MODALITIES:
                name = space.name if space else ""
                here = [t for t in todo if (t.cell.space, t.cell.repository) == (name, modality)]
                shelf = Shelf(material, modality, self.fold, self.config, self.out / "models", self.meter.progress)
                for method in dict.fromkeys(t.method for t in here):
                    self._run_method([t for t in here if t.method == method], shelf, material, found, reasons)

    def _draw(self, material: Material) -> None:
        """Draw what the representation looks like, for the report."""
        if material.space is not None and self.source is not None and self.draws:
            path = self.out / "pictures" / f"{self.source.representation}-{material.space.name or 'both'}.jpg"
            draw_space(material, pick_names(self.fold.parts[self.config.part]), path)

    def _run_method(
        self, todo: Sequence[_Todo], shelf: Shelf, material: Material, found: dict[Cell, CellResult],
        reasons: dict[str, str],
    ) -> None:  # fmt: skip
        before = reset_peak()
        for done, one in enumerate(todo):
            try:
                matcher, prepare_s = shelf.get(one.method)
                result = self._ask_all(one.cell, matcher, prepare_s, shelf.repository, material)
            except CrosslightError as error:
                self._give_up(todo[done:], str(error), reasons)
                return
            grown = max(0, result.peak_bytes - before) if before else 0
            found[one.cell] = replace(result, grown_bytes=grown)
            self.cache.write(one.key, found[one.cell])
            reset_peak()

    def _give_up(self, todo: Sequence[_Todo], reason: str, reasons: dict[str, str]) -> None:
        for one in todo:
            reasons.setdefault(one.method.name, reason)
        self.meter.step(len(todo) * len(self.fold.parts[self.config.part]), "passed over")

    def _ask_all(
        self, cell: Cell, matcher: Matcher, prepare_s: float, repository: Repository, material: Material
    ) -> CellResult:
        queries = self.fold.parts[self.config.part]
        numbers = {name: i for i, name in enumerate(repository.names)}
        ranks, top, similarities, places, spent = [], [], [], [], 0.0
        for name in queries:
            asked, seconds = material.ask(name, cell.kind)
            start = time.perf_counter()
            answer = matcher.search(asked)
            spent += seconds + answer.earlier_s + time.perf_counter() - start
            truth = numbers[name]
            best = [int(i) for i in order_hits(answer.similarities, truth)[:N_KEPT]]
            ranks.append(rank_truth(answer.similarities, truth))
            top.append(best)
            similarities.append([_plain(answer, i) for i in best])
            places.append([_place(answer, i) for i in best])
            self.meter.step(1, cell.label)
        aligned = any(p is not None for one in places for p in one)
        return CellResult(
            cell=cell,
            images=list(repository.names),
            queries=list(queries),
            ranks=ranks,
            top=top,
            similarities=similarities,
            places=places if aligned else None,
            seconds=spent / max(1, len(queries)),
            prepare_s=prepare_s,
            peak_bytes=peak_bytes(),
            words=words_of(matcher),
        )


def _plain(answer: Found, number: int) -> float | None:
    """Return a similarity as the method measured it; None where the query did not fit."""
    value = float(answer.similarities[number])
    value -= answer.lift if answer.lift and value > answer.lift / 2 else 0.0
    return round(value, 6) if abs(value) != float("inf") else None


def _place(answer: Found, number: int) -> Spot | None:
    place = (answer.places or {}).get(number)
    return None if place is None else (round(place.center_xy[0], 2), round(place.center_xy[1], 2), place.angle_deg)
