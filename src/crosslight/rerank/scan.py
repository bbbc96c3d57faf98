"""The coarse pass of alignment: which places in each image are worth a closer look.

Each query, turned by many angles, is correlated with every candidate by FFT (`correlate`), on cells so large that this
is quick; the peaks are the places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product

import torch

from crosslight.config import AlignConfig
from crosslight.geometry import wrap_angle
from crosslight.progress import silent
from crosslight.rerank.correlate import Spectra, correlate, find_peaks, make_spectra
from crosslight.rerank.overlap import correlate_partly
from crosslight.rerank.plan import Candidate, Plan, Query, plan_query
from crosslight.rerank.refine import pool
from crosslight.rerank.templates import Templates, make_templates, template_radius
from crosslight.rerank.threads import one_thread
from crosslight.types import Placement, Progress, Representation

CHUNK_VALUES = 2**25  # similarities held at once: 128 MiB of float32
SPECTRA_BYTES = 2**29  # spectra kept between calls
N_PEAKS = 3  # places per image, or per square of a large one

Chunk = tuple[Candidate, ...]


class Scanner:
    """Scans candidates, whose representations `load` brings by name, for places where queries may lie.

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
        has peaks of its own.
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
    def scan(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress = silent
    ) -> list[dict[str, list[Placement]]]:
        """Return per query the best few places in each image that can hold it, best first."""
        plans = [plan_query(q, self.config) for q in queries]
        found: list[dict[str, list[Placement]]] = [{} for _ in queries]
        work = [(cell, chunk) for cell in sorted({p.coarse_px for p in plans})
                for chunk in self._chunks(candidates, cell, plans)]  # fmt: skip
        borders = {cell: self._border(queries, plans, cell) for cell, _ in work}
        for done, (cell, chunk) in enumerate(work):
            spectra = {chunk: self._spectra_of(chunk, cell, borders[cell])}
            for query, plan, out in zip(queries, plans, found, strict=True):
                if plan.coarse_px == cell:
                    out.update(self._find_places(query, plan, [chunk], spectra.__getitem__))
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
        chunks = list(self._chunks(candidates, cell, [plan]))
        spectra_of = partial(self._spectra_of, cell=cell, border=border, least=shape)
        return self._find_places(query, plan, chunks, spectra_of)

    def _find_places(
        self, query: Query, plan: Plan, chunks: Sequence[Chunk], spectra_of: Callable[[Chunk], Spectra]
    ) -> dict[str, list[Placement]]:
        """Return the best places in each image, over all scales and flips."""
        found: dict[str, list[Placement]] = {}
        n_places = N_PEAKS
        for scale, flipped in product(plan.scales, plan.flips):
            templates = self._templates(query, plan, scale, flipped)
            for chunk in chunks:
                for name, places in self._peaks_at(plan, chunk, spectra_of(chunk), templates).items():
                    found.setdefault(name, []).extend(places)
                    n_places = max(n_places, len(places))
        if len(plan.scales) * len(plan.flips) > 1:
            return {name: _best_distinct(places, plan, n_places) for name, places in found.items()}
        return found

    def _chunks(self, candidates: Sequence[Candidate], cell: int, plans: Sequence[Plan]) -> Iterator[Chunk]:
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

    def _spectra_of(self, chunk: Chunk, cell: int, border: int, least: tuple[int, int] = (0, 0)) -> Spectra:
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

    def _peaks_at(self, plan: Plan, chunk: Chunk, spectra: Spectra, templates: Templates) -> dict[str, list[Placement]]:
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
