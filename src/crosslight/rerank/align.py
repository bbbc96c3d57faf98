"""Align queries with repository images: which image, where in it, turned by how much.

A coarse pass finds the places in each image that are worth a closer look (`scan`); the best few images go on to exact
measurement at finer cells (`refine`), the best of those to a second look at the pixels (`second_look`), and the very
best to the representation's own resolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from crosslight.config import AlignConfig
from crosslight.geometry import wrap_angle
from crosslight.progress import silent
from crosslight.rerank.agreement import measure_agreement
from crosslight.rerank.plan import Candidate, Plan, Query, estimate_work, plan_query
from crosslight.rerank.refine import RefineStep, refine
from crosslight.rerank.scan import Scanner
from crosslight.rerank.second_look import SecondLook
from crosslight.rerank.threads import one_thread
from crosslight.types import Placement, Progress, Representation

__all__ = ["Aligner", "Candidate", "Query", "estimate_work", "plan_query"]
N_JUDGED = 16  # images per query whose parts are looked at, and that are looked at again
SECOND = 0.5  # weight of the second look
N_POLISHED = 3  # images per query that are aligned to a fraction of a pixel


class Aligner:
    """Aligns queries with candidates whose representations `load` brings by name.

    Parameters
    ----------
    load : callable
        From a candidate's name to its representation.
    config : AlignConfig
    look : SecondLook, optional
        What looks again at the best places; needs queries with their images.
    """

    def __init__(
        self, load: Callable[[str], Representation], config: AlignConfig, look: SecondLook | None = None
    ) -> None:
        self.load, self.config, self.look = load, config, look
        self.device = torch.device(config.device)
        self._scanner = Scanner(load, config)

    @one_thread()
    def align(
        self, queries: Sequence[Query], candidates: Sequence[Candidate], progress: Progress = silent
    ) -> list[list[tuple[str, Placement]]]:
        """Place every query in every candidate that can hold it.

        Returns
        -------
        placed : list per query of (name, Placement)
            Best first. The similarity of the first `N_JUDGED` is the mean of the correlation of the whole and the
            agreement of its parts, weighed with that of a second look where there is one; the rest carry the
            correlation, capped so that the order stays meaningful. Empty for a query that fits into no candidate.
        """
        found = self._scanner.scan(queries, candidates, progress)
        results = []
        for number, (query, starts) in enumerate(zip(queries, found, strict=True)):
            results.append(self.finish(query, starts) if starts else [])
            progress(number + 1, len(queries), "refining")
        return results

    @one_thread()
    def finish(self, query: Query, starts: dict[str, list[Placement]]) -> list[tuple[str, Placement]]:
        """Measure the best images exactly, polish the very best, and put everything in order.

        `starts` are what a `Scanner` found, best first for each image.
        """
        plan = plan_query(query, self.config)
        order = sorted(starts, key=lambda name: (-starts[name][0].similarity, name))
        chosen, rest = order[: self.config.n_candidates], order[self.config.n_candidates :]
        fine, exact = self._steps(query, plan)
        measured = [(name, self._best(query, name, starts[name], fine)) for name in chosen]
        measured.sort(key=lambda item: (-item[1].similarity, item[0]))
        # Once more from where that led: a coarse place may be further off than one pass reaches.
        again = [(name, self._best(query, name, [place], fine)) for name, place in measured[:N_JUDGED]]
        judged = [(name, self._judge(query, name, place, fine)) for name, place in again]
        judged = self._look_again(query, judged)
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

    def _look_again(self, query: Query, judged: list[tuple[str, Placement]]) -> list[tuple[str, Placement]]:
        """Return the places with the second look weighed in, where it can be had."""
        if self.look is None or query.image is None or (again := self.look.compare(query.image, judged)) is None:
            return judged
        return [
            (name, replace(place, similarity=(1 - SECOND) * place.similarity + SECOND * look))
            for (name, place), look in zip(judged, again, strict=True)
        ]

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
