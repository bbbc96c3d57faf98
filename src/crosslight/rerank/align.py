"""Align queries with repository images: which image, where in it, turned by how much.

A coarse pass correlates each turned query with every candidate by FFT (`correlate`); the best few images go on to exact
measurement at finer cells (`refine`), and the very best to the representation's own resolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from crosslight.config import AlignConfig
from crosslight.errors import InputError
from crosslight.geometry import wrap_angle
from crosslight.progress import silent
from crosslight.rerank.correlate import Spectra, correlate, find_peaks, make_spectra, make_templates
from crosslight.rerank.refine import RefineStep, pool, refine
from crosslight.types import Placement, Progress, Representation

CHUNK_VALUES = 2**25  # similarities held at once: 128 MiB of float32
SPECTRA_BYTES = 2**29  # spectra kept between calls
N_PEAKS = 3  # places per image that go on to refinement
N_POLISHED = 3  # images per query that are aligned to a fraction of a pixel


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """A query ready to be aligned: its representation and the size of its image."""

    representation: Representation
    height_px: int
    width_px: int


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A repository image to align with: its name and size."""

    name: str
    height_px: int
    width_px: int


@dataclass(frozen=True, eq=False, kw_only=True)
class _Plan:
    """How one query is searched: cell sizes in image pixels, and the angles of the coarse pass."""

    coarse_px: int
    fine_px: int
    angles_deg: Tensor
    circular: bool

    @property
    def step_deg(self) -> float:
        return float(self.angles_deg[1] - self.angles_deg[0]) if len(self.angles_deg) > 1 else 1.0


def _power_of_two_cells(side_px: float, cells: int, stride: int) -> int:
    """Return the largest cell, a power of two times the stride, that leaves at least `cells` on a side."""
    return int(stride * 2 ** max(0, math.floor(math.log2(max(1.0, side_px / cells / stride)))))


def plan_query(query: Query, config: AlignConfig) -> _Plan:
    """Choose cells by the query's size, and angles so that its rim moves by about one cell from one to the next."""
    side, stride = min(query.height_px, query.width_px), query.representation.stride
    coarse = _power_of_two_cells(side, config.coarse_cells, stride)
    fine = min(coarse, _power_of_two_cells(side, config.fine_cells, stride))
    step = math.degrees(2 * coarse / side)
    reach, circular = config.rotation_deg, config.rotation_deg >= 180
    n = max(1, math.ceil(2 * reach / step))
    angles = torch.linspace(-reach, reach, n + 1) if reach > 0 else torch.zeros(1)
    return _Plan(coarse_px=coarse, fine_px=fine, angles_deg=angles[:-1] if circular else angles, circular=circular)


def estimate_work(query: Query, candidates: Sequence[Candidate], config: AlignConfig) -> float:
    """Return roughly how many similarities the coarse pass computes: images x angles x cells."""
    plan = plan_query(query, config)
    cells = sum(c.height_px * c.width_px for c in candidates) / plan.coarse_px**2
    return cells * len(plan.angles_deg)


class Aligner:
    """Aligns queries with candidates whose representations `load` brings by name."""

    def __init__(self, load: Callable[[str], Representation], config: AlignConfig) -> None:
        self.load, self.config = load, config
        self.device = torch.device(config.device)
        self._spectra: dict[tuple[tuple[str, ...], int], Spectra] = {}

    def align(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress = silent
    ) -> list[list[tuple[str, Placement]]]:
        """Place every query in every candidate that can hold it.

        Returns
        -------
        placed : list per query of (name, Placement)
            Best first. The first `config.n_candidates` were measured exactly; the rest carry their coarse
            similarity, capped below the exact ones, so that the order stays meaningful.

        Raises
        ------
        InputError
            If a query is larger than every candidate.
        """
        found = self._coarse(queries, candidates, progress)
        results = []
        for number, (query, starts) in enumerate(zip(queries, found, strict=True)):
            if not starts:
                raise InputError(
                    f"A query of {query.width_px} x {query.height_px} px fits into none of the {len(candidates)} "
                    "repository images at the allowed angles; cut it smaller, or scale it to their pixel size."
                )
            results.append(self._finish(query, starts))
            progress(number + 1, len(queries), "refining")
        return results

    def _coarse(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress
    ) -> list[dict[str, list[Placement]]]:
        """Return per query the coarse peaks of each image that can hold it."""
        plans = [plan_query(q, self.config) for q in queries]
        found: list[dict[str, list[Placement]]] = [{} for _ in queries]
        work = [(cell, chunk) for cell in sorted({p.coarse_px for p in plans})
                for chunk in self._chunks(candidates, cell, plans)]  # fmt: skip
        for done, (cell, chunk) in enumerate(work):
            spectra = self._spectra_of(chunk, cell)
            for query, plan, out in zip(queries, plans, found, strict=True):
                if plan.coarse_px == cell:
                    out.update(self._coarse_peaks(query, plan, chunk, spectra))
            progress(done + 1, len(work), "aligning")
        return found

    def _chunks(
        self, candidates: Sequence[Candidate], cell: int, plans: Sequence[_Plan]
    ) -> Iterator[tuple[Candidate, ...]]:
        """Group candidates of similar size so that one chunk's similarities fit the memory bound."""
        n_angles = max(len(p.angles_deg) for p in plans if p.coarse_px == cell)
        chunk: list[Candidate] = []
        for candidate in sorted(candidates, key=lambda c: (c.height_px * c.width_px, c.name)):
            values = (candidate.height_px // cell + 2) * (candidate.width_px // cell + 2) * n_angles
            if chunk and values * (len(chunk) + 1) > CHUNK_VALUES:
                yield tuple(chunk)
                chunk = []
            chunk.append(candidate)
        if chunk:
            yield tuple(chunk)

    def _spectra_of(self, chunk: tuple[Candidate, ...], cell: int) -> Spectra:
        key = (tuple(c.name for c in chunk), cell)
        if key in self._spectra:
            return self._spectra[key]
        pooled = []
        for candidate in chunk:
            representation = self.load(candidate.name)
            values = torch.from_numpy(representation.values).to(self.device)
            pooled.append(pool(values, cell // representation.stride))
        spectra = make_spectra(pooled)
        held = sum(s.values.nbytes + s.energy.nbytes for s in self._spectra.values())
        if held + spectra.values.nbytes + spectra.energy.nbytes <= SPECTRA_BYTES:
            self._spectra[key] = spectra
        return spectra

    def _coarse_peaks(
        self, query: Query, plan: _Plan, chunk: Sequence[Candidate], spectra: Spectra
    ) -> dict[str, list[Placement]]:
        cell = plan.coarse_px
        values = torch.from_numpy(query.representation.values).to(self.device)
        size = (query.height_px / cell, query.width_px / cell)
        angles = plan.angles_deg.to(self.device)
        templates = make_templates(values, size, cell / query.representation.stride, angles)
        similarity = correlate(templates, spectra)
        peaks = find_peaks(similarity, min(N_PEAKS, len(angles)), circular=plan.circular)
        scores, turns, cells = (p.cpu() for p in peaks)
        result: dict[str, list[Placement]] = {}
        for i, candidate in enumerate(chunk):
            placements = [
                Placement(
                    center_xy=(float(x) * cell + (cell - 1) / 2, float(y) * cell + (cell - 1) / 2),
                    angle_deg=float(plan.angles_deg[turn]),
                    scale=1.0,
                    similarity=float(score),
                )
                for score, turn, (y, x) in zip(scores[i], turns[i], cells[i], strict=True)
                if score > -1
            ]
            if placements:
                result[candidate.name] = placements
        return result

    def _finish(self, query: Query, starts: dict[str, list[Placement]]) -> list[tuple[str, Placement]]:
        """Measure the best images exactly, polish the very best, and put everything in order."""
        plan = plan_query(query, self.config)
        order = sorted(starts, key=lambda name: (-starts[name][0].similarity, name))
        chosen, rest = order[: self.config.n_candidates], order[self.config.n_candidates :]
        reach = math.ceil(plan.coarse_px / plan.fine_px)
        fine = RefineStep(cell_px=plan.fine_px, reach=max(2, reach), n_angles=2, angle_step_deg=plan.step_deg / 4)
        measured = [(name, self._best(query, name, starts[name], fine)) for name in chosen]
        measured.sort(key=lambda item: (-item[1].similarity, item[0]))
        exact = RefineStep(cell_px=query.representation.stride, reach=2, n_angles=2, angle_step_deg=plan.step_deg / 8)
        polished = [
            (name, replace(self._best(query, name, [place], exact), similarity=place.similarity))
            for name, place in measured[:N_POLISHED]
        ]
        least = measured[-1][1].similarity
        tail = [(name, replace(p, similarity=min(p.similarity, least))) for name in rest for p in starts[name][:1]]
        return [
            (name, replace(place, angle_deg=wrap_angle(place.angle_deg)))
            for name, place in [*polished, *measured[N_POLISHED:], *tail]
        ]

    def _best(self, query: Query, name: str, starts: list[Placement], step: RefineStep) -> Placement:
        size = (query.height_px, query.width_px)
        placed = refine(query.representation, size, self.load(name), starts, step, self.device)
        return max(placed, key=lambda p: p.similarity)
