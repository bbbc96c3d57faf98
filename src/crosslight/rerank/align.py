"""Align queries with repository images: which image, where in it, turned by how much.

A coarse pass correlates each turned query with every candidate by FFT (`correlate`); the best few images go on to exact
measurement at finer cells (`refine`), and the very best to the representation's own resolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

import torch

from crosslight.config import AlignConfig
from crosslight.geometry import wrap_angle
from crosslight.progress import silent
from crosslight.rerank.agreement import measure_agreement
from crosslight.rerank.correlate import Spectra, correlate, find_peaks, make_spectra
from crosslight.rerank.overlap import correlate_partly
from crosslight.rerank.plan import Candidate, Plan, Query, estimate_work, plan_query
from crosslight.rerank.refine import RefineStep, pool, refine
from crosslight.rerank.templates import Templates, make_templates, template_radius
from crosslight.rerank.threads import one_thread
from crosslight.types import Placement, Progress, Representation

CHUNK_VALUES = 2**25  # similarities held at once: 128 MiB of float32
SPECTRA_BYTES = 2**29  # spectra kept between calls
__all__ = ["Aligner", "Candidate", "Query", "estimate_work", "plan_query"]
N_PEAKS = 3  # places per image that go on to refinement
N_JUDGED = 16  # images per query whose parts are looked at
N_POLISHED = 3  # images per query that are aligned to a fraction of a pixel


class Aligner:
    """Aligns queries with candidates whose representations `load` brings by name.

    Parameters
    ----------
    load : callable
        From a candidate's name to its representation.
    config : AlignConfig
    chunk_values : int
        Similarities held at once.
    spectra_bytes : int
        What may be kept from one call to the next.
    block_px : int or None
        Where candidates are so large that they hold many places of interest: the side of the squares each of which
        has peaks of its own in the coarse pass.
    """

    def __init__(
        self, load: Callable[[str], Representation], config: AlignConfig, *, chunk_values: int = CHUNK_VALUES,
        spectra_bytes: int = SPECTRA_BYTES, block_px: int | None = None,
    ) -> None:  # fmt: skip
        self.load, self.config = load, config
        self.device = torch.device(config.device)
        self._chunk_values, self._spectra_bytes, self._block_px = chunk_values, spectra_bytes, block_px
        self._spectra: dict[tuple[tuple[str, ...], int, int], Spectra] = {}

    @one_thread()
    def align(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress = silent
    ) -> list[list[tuple[str, Placement]]]:
        """Place every query in every candidate that can hold it.

        Returns
        -------
        placed : list per query of (name, Placement)
            Best first. The similarity of the first `N_JUDGED` is the mean of the correlation of the whole and the
            agreement of its parts; the rest carry the correlation, capped so that the order stays meaningful. Empty
            for a query that fits into no candidate.
        """
        found = self.scan(queries, candidates, progress)
        results = []
        for number, (query, starts) in enumerate(zip(queries, found, strict=True)):
            results.append(self.finish(query, starts) if starts else [])
            progress(number + 1, len(queries), "refining")
        return results

    @one_thread()
    def scan(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress = silent
    ) -> list[dict[str, list[Placement]]]:
        """Return per query the best few places in each image that can hold it, as the coarse pass alone sees them."""
        plans = [plan_query(q, self.config) for q in queries]
        found: list[dict[str, list[Placement]]] = [{} for _ in queries]
        work = [(cell, chunk) for cell in sorted({p.coarse_px for p in plans})
                for chunk in self._chunks(candidates, cell, plans)]  # fmt: skip
        borders = {cell: self._border(queries, plans, cell) for cell, _ in work}
        for done, (cell, chunk) in enumerate(work):
            spectra = self._spectra_of(chunk, cell, borders[cell])
            for query, plan, out in zip(queries, plans, found, strict=True):
                if plan.coarse_px == cell:
                    out.update(self._coarse_peaks(query, plan, chunk, spectra))
            progress(done + 1, len(work), "aligning")
        return found

    @one_thread()
    def scan_large(self, query: Query, candidates: Sequence[Candidate]) -> dict[str, list[Placement]]:
        """Return what `scan` does for one query; quicker for large candidates of about one size.

        What is made of the query for that size serves all of them.
        """
        if not candidates:
            return {}
        plan = plan_query(query, self.config)
        cell, border = plan.coarse_px, self._border([query], [plan], plan.coarse_px)
        shape = (max(-(-c.height_px // cell) for c in candidates), max(-(-c.width_px // cell) for c in candidates))
        found: dict[str, list[Placement]] = {}
        n_places = N_PEAKS
        for scale, flipped in product(plan.scales, plan.flips):
            templates = self._templates(query, plan, scale, flipped)
            for chunk in self._chunks(candidates, cell, [plan]):
                spectra = self._spectra_of(chunk, cell, border, shape)
                for name, places in self._peaks_at(plan, chunk, spectra, templates).items():
                    found.setdefault(name, []).extend(places)
                    n_places = max(n_places, len(places))
        if len(plan.scales) * len(plan.flips) > 1:
            return {name: _best_distinct(places, plan, n_places) for name, places in found.items()}
        return found

    def _chunks(
        self, candidates: Sequence[Candidate], cell: int, plans: Sequence[Plan]
    ) -> Iterator[tuple[Candidate, ...]]:
        """Group candidates of similar size so that one chunk's similarities fit the memory bound."""
        n_angles = max(len(p.angles_deg) for p in plans if p.coarse_px == cell)
        chunk: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda c: (c.height_px * c.width_px, c.name)):
            values = (candidate.height_px // cell + 2) * (candidate.width_px // cell + 2) * n_angles
            if chunk and values * (len(chunk) + 1) > self._chunk_values:
                yield tuple(chunk)
                chunk = []
            chunk.append(candidate)
        if chunk:
            yield tuple(chunk)

    def _border(self, queries: Sequence[Query], plans: Sequence[Plan], cell: int) -> int:
        """Return how many cells of zeros the queries with this cell need around an image."""
        if self.config.overlap >= 1:
            return 1
        sizes = [(_size_cells(q, cell), p.scales[-1]) for q, p in zip(queries, plans, strict=True)
                 if p.coarse_px == cell]  # fmt: skip
        return 1 + max(template_radius(size, scale) for size, scale in sizes)

    def _spectra_of(
        self, chunk: tuple[Candidate, ...], cell: int, border: int, least: tuple[int, int] = (0, 0)
    ) -> Spectra:
        key = (tuple(c.name for c in chunk), cell, border)
        if key in self._spectra:
            return self._spectra[key]
        pooled = []
        for candidate in chunk:
            representation = self.load(candidate.name)
            values = torch.from_numpy(representation.values).to(self.device)
            pooled.append(pool(values, cell // representation.stride))
        spectra = make_spectra(pooled, border, least)
        held = sum(s.values.nbytes + s.energy.nbytes for s in self._spectra.values())
        if held + spectra.values.nbytes + spectra.energy.nbytes <= self._spectra_bytes:
            self._spectra[key] = spectra
        return spectra

    def _coarse_peaks(
        self, query: Query, plan: Plan, chunk: Sequence[Candidate], spectra: Spectra
    ) -> dict[str, list[Placement]]:
        """Return the best places in each image, over all scales and flips."""
        result: dict[str, list[Placement]] = {}
        for scale, flipped in product(plan.scales, plan.flips):
            templates = self._templates(query, plan, scale, flipped)
            for name, places in self._peaks_at(plan, chunk, spectra, templates).items():
                result.setdefault(name, []).extend(places)
        if len(plan.scales) * len(plan.flips) > 1:
            return {name: _best_distinct(places, plan, N_PEAKS) for name, places in result.items()}
        return result

    def _peaks_at(
        self, plan: Plan, chunk: Sequence[Candidate], spectra: Spectra, templates: Templates
    ) -> dict[str, list[Placement]]:
        """Return the best places in each image at one scale, seen as it is or mirrored."""
        cell = plan.coarse_px
        partly = self.config.overlap < 1
        similarity = (
            correlate_partly(templates, spectra, self.config.overlap) if partly else correlate(templates, spectra)
        )
        peaks = find_peaks(
            similarity, min(N_PEAKS, len(plan.angles_deg)), circular=plan.circular,
            block=None if self._block_px is None else max(1, round(self._block_px / cell)),
        )  # fmt: skip
        scores, turns, cells = (p.tolist() for p in peaks)
        angles = plan.angles_deg.tolist()
        result: dict[str, list[Placement]] = {}
        for i, candidate in enumerate(chunk):
            placements = [
                Placement(
                    center_xy=(x * cell + (cell - 1) / 2, y * cell + (cell - 1) / 2),
                    angle_deg=angles[turn],
                    scale=templates.scale,
                    similarity=score,
                    flipped=templates.flipped,
                )
                for score, turn, (y, x) in zip(scores[i], turns[i], cells[i], strict=True)
                if score > -1
            ]
            if placements:
                result[candidate.name] = placements
        return result

    def _templates(self, query: Query, plan: Plan, scale: float, flipped: bool) -> Templates:
        cell = plan.coarse_px
        values = torch.from_numpy(query.representation.values).to(self.device)
        return make_templates(
            values, _size_cells(query, cell), cell / query.representation.stride, plan.angles_deg.to(self.device),
            scale=scale, flipped=flipped,
        )  # fmt: skip

    @one_thread()
    def finish(self, query: Query, starts: dict[str, list[Placement]]) -> list[tuple[str, Placement]]:
        """Measure the best images exactly, polish the very best, and put everything in order.

        `starts` are what `scan` found, best first for each image.
        """
        plan = plan_query(query, self.config)
        order = sorted(starts, key=lambda name: (-starts[name][0].similarity, name))
        chosen, rest = order[: self.config.n_candidates], order[self.config.n_candidates :]
        fine, exact = self._steps(query, plan)
        measured = [(name, self._best(query, name, starts[name], fine)) for name in chosen]
        measured.sort(key=lambda item: (-item[1].similarity, item[0]))
        judged = [(name, self._judge(query, name, place, fine)) for name, place in measured[:N_JUDGED]]
        judged.sort(key=lambda item: (-item[1].similarity, item[0]))
        polished = [
            (name, replace(self._best(query, name, [place], exact), similarity=place.similarity))
            for name, place in judged[:N_POLISHED]
        ]
        tail = [*measured[N_JUDGED:], *((name, starts[name][0]) for name in rest)]
        return [
            (name, replace(place, angle_deg=wrap_angle(place.angle_deg)))
            for name, place in [*polished, *judged[N_POLISHED:], *_cap(tail, judged[-1][1].similarity)]
        ]

    def _judge(self, query: Query, name: str, place: Placement, step: RefineStep) -> Placement:
        """Return the place with the mean of its similarity and the agreement of the query's parts."""
        agreement = measure_agreement(
            query.representation, (query.height_px, query.width_px), self.load(name), place,
            cell_px=step.cell_px, partly=step.partly, device=self.device,
        )  # fmt: skip
        return replace(place, similarity=(place.similarity + agreement) / 2)

    def _steps(self, query: Query, plan: Plan) -> tuple[RefineStep, RefineStep]:
        """Return the fine pass, which measures, and the exact one, which places to a fraction of a pixel."""
        partly = self.config.overlap < 1
        many = len(plan.scales) > 1
        fine = RefineStep(
            cell_px=plan.fine_px, reach=max(2, math.ceil(plan.coarse_px / plan.fine_px)),
            n_angles=2, angle_step_deg=plan.angle_step_deg / 4,
            n_scales=1 if many else 0, scale_step=plan.scale_step ** (1 / 3), partly=partly,
        )  # fmt: skip
        exact = RefineStep(
            cell_px=query.representation.stride, reach=2, n_angles=2, angle_step_deg=plan.angle_step_deg / 8,
            n_scales=2 if many else 0, scale_step=plan.scale_step ** (1 / 8), partly=partly,
        )  # fmt: skip
        return fine, exact

    def _best(self, query: Query, name: str, starts: list[Placement], step: RefineStep) -> Placement:
        size = (query.height_px, query.width_px)
        placed = refine(query.representation, size, self.load(name), starts, step, self.device)
        return max(placed, key=lambda p: p.similarity)


def _cap(tail: list[tuple[str, Placement]], most: float) -> list[tuple[str, Placement]]:
    """Return the rest in order, none more similar than the one before."""
    capped = []
    for name, place in tail:
        most = min(most, place.similarity)
        capped.append((name, replace(place, similarity=most)))
    return capped


def _size_cells(query: Query, cell_px: int) -> tuple[float, float]:
    return query.height_px / cell_px, query.width_px / cell_px


def _best_distinct(places: list[Placement], plan: Plan, n_places: int) -> list[Placement]:
    """Return the best places that differ from each other, best first."""
    kept: list[Placement] = []
    for place in sorted(places, key=lambda p: -p.similarity):
        if not any(_are_near(place, other, plan) for other in kept):
            kept.append(place)
        if len(kept) == n_places:
            break
    return kept


def _are_near(one: Placement, other: Placement, plan: Plan) -> bool:
    """Say whether refinement would bring both places together."""
    return (
        one.flipped == other.flipped
        and math.dist(one.center_xy, other.center_xy) < 2.5 * plan.coarse_px
        and abs(wrap_angle(one.angle_deg - other.angle_deg)) < 1.5 * plan.angle_step_deg
        and abs(math.log(one.scale / other.scale)) < 1.5 * math.log(plan.scale_step)
    )
