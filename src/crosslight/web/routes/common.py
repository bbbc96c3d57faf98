"""What several routes share: the workbench, the visitor, documented problems, job bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, Path, Request

from crosslight.types import Hit
from crosslight.web import schemas
from crosslight.web.jobs import Job, JobState
from crosslight.web.problems import MEDIA_TYPE, RequestError
from crosslight.web.workbench import SearchRecord, Workbench

WORDS = {
    400: "The request cannot be read.",
    401: "The token is missing or wrong.",
    403: "The request comes from another site.",
    404: "There is no such thing.",
    405: "The address does not take this method.",
    409: "It collides with what is there.",
    413: "It is too large.",
    415: "The request is compressed.",
    422: "Something in it cannot be used as given.",
    429: "Too many requests or unfinished jobs; Retry-After says how long to wait.",
    500: "Something went wrong in the program or on its disk.",
    503: "Busy; Retry-After says how long to wait.",
}
FOUND_FROM, PERHAPS_FROM = 0.9, 0.5  # confidence of the best hit
JobId = Annotated[str, Path(min_length=1, max_length=64, description="From the answer that started it.")]
Rank = Annotated[int, Path(ge=1, le=10_000, description="1 is the best hit.")]
ImageName = Annotated[str, Path(min_length=1, max_length=200, description="As in /api/images.")]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these statuses, and of those that every address may answer with."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    every = sorted({401, 403, 422, 429, 500, *statuses})
    return {s: {"description": WORDS[s], "content": {MEDIA_TYPE: schema}} for s in every}


def media(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of an answer that is a file of one of these kinds."""
    schemas = {kind: {"type": "object"} if "json" in kind else {"type": "string", "format": "binary"} for kind in kinds}
    return {200: {"content": {kind: {"schema": schema} for kind, schema in schemas.items()}}}


def _get_bench(request: Request) -> Workbench:
    return cast(Workbench, request.app.state.bench)


def _get_client(request: Request) -> str:
    return str(request.scope.get("crosslight.client", "unknown"))


Bench = Annotated[Workbench, Depends(_get_bench)]
Client = Annotated[str, Depends(_get_client)]


def get_search(bench: Workbench, search_id: str) -> tuple[Job, SearchRecord]:
    """Return a search and its record; raises RequestError (404) for anything else."""
    job = bench.queue.get(search_id)
    if not isinstance(job.result, SearchRecord):
        raise RequestError(404, "This job is not a search; look at /api/jobs.")
    return job, job.result


def describe_job(bench: Workbench, job: Job, client: str) -> schemas.Job:
    """Return a job as the API shows it; a search comes with its ranking."""
    state = job.state  # read first: a job that is done has its result
    common: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "label": job.label,
        "state": state,
        "position": bench.queue.position(job),
        "progress": schemas.Progress(done=job.done, total=job.total, label=job.step),
        "message": job.message,
        "created": job.created,
        "finished": job.finished,
        "own": job.client == client,
        "problem": _clean_problem(bench, job.problem),
        "skipped": [schemas.SkippedFile(name=s.name, reason=_without_paths(bench, s.reason)) for s in job.skipped],
    }
    if not isinstance(job.result, SearchRecord):
        return schemas.Job(**common)
    record, settings = job.result, job.result.settings
    return schemas.Search(
        **common,
        query=schemas.QueryBody(
            name=record.query.name, width_px=record.query.width_px, height_px=record.query.height_px,
            mpp=record.query.mpp,
        ),
        settings=schemas.SearchSettingsBody(
            modality=settings.modality, top=settings.top, shortlist=str(settings.shortlist),
            rerank=cast(schemas.Rerank, settings.rerank),
            rotation=settings.align.rotation_deg,
            scale="{:g}-{:g}".format(*settings.align.scale),
            flip=settings.align.flip,
            overlap=settings.align.overlap,
            query_mpp=record.query.mpp,
            where={key: str(value) for key, value in (settings.where or {}).items()},
        ),
        ranking=_describe_ranking(bench, job, record) if state is JobState.done else None,
    )  # fmt: skip


def _clean_problem(bench: Workbench, problem: Mapping[str, Any] | None) -> schemas.Problem | None:
    """Return a job's problem without paths of this computer."""
    if problem is None:
        return None
    return schemas.Problem(**{**problem, "detail": _without_paths(bench, str(problem["detail"]))})


def _without_paths(bench: Workbench, sentence: str) -> str:
    return sentence.replace(str(bench.index.folder), bench.index.folder.name)


def _describe_ranking(bench: Workbench, job: Job, record: SearchRecord) -> schemas.RankingBody | None:
    ranking = record.ranking
    if ranking is None:
        return None
    hits = [_describe_hit(bench, job, hit) for hit in ranking.hits if hit.image in bench.entries]  # some may be removed
    best = ranking.hits[0].confidence if ranking.hits else 0.0
    found, perhaps, unlikely = schemas.Answer.found, schemas.Answer.perhaps, schemas.Answer.unlikely
    answer = found if best >= FOUND_FROM else perhaps if best >= PERHAPS_FROM else unlikely
    aligned = bool(ranking.hits) and ranking.hits[0].placement is not None
    return schemas.RankingBody(note=ranking.note, answer=answer, aligned=aligned, hits=hits)


def _describe_hit(bench: Workbench, job: Job, hit: Hit) -> schemas.HitBody:
    entry, place, match = bench.entries[hit.image], hit.placement, bench.matches.verdict(job.id, hit.rank)
    return schemas.HitBody(
        rank=hit.rank,
        image=hit.image,
        similarity=hit.similarity,
        confidence=hit.confidence,
        cx=None if place is None else place.center_xy[0],
        cy=None if place is None else place.center_xy[1],
        angle_deg=None if place is None else place.angle_deg,
        scale=None if place is None else place.scale,
        flipped=None if place is None else place.flipped,
        corners_xy=None if hit.corners_xy is None else [(float(x), float(y)) for x, y in hit.corners_xy],
        width_px=entry.width_px,
        height_px=entry.height_px,
        verdict=None if match is None else match.verdict,
    )
