"""Verdicts on hits, and the accepted ones as files."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from crosslight.types import Image
from crosslight.web import exports, schemas
from crosslight.web.jobs import JobState
from crosslight.web.pictures import cut_match, load_query
from crosslight.web.problems import RequestError
from crosslight.web.routes.common import Bench, JobId, Rank, get_search, media, problems
from crosslight.web.workbench import SearchRecord, Workbench

router = APIRouter(tags=["matches"])
OneSearch = Annotated[str | None, Query(alias="search", max_length=64, description="Only those of one search.")]
MAX_NUDGE = 2  # repository sizes that a match may lie outside of its image


@router.put("/api/searches/{search_id}/hits/{rank}/verdict", responses=problems(400, 404, 409))
def give_verdict(bench: Bench, search_id: JobId, rank: Rank, body: schemas.MatchRequest) -> schemas.Match:
    """Accept or reject a hit, at the place where it was found or where a person put it."""
    job, record = get_search(bench, search_id)
    if record.ranking is None or job.state is not JobState.done:
        raise RequestError(409, f"The search is {job.state.value}, so it has no hits; look at its events.")
    hit = next((h for h in record.ranking.hits if h.rank == rank), None)
    if hit is None:
        raise RequestError(404, f"The search has {len(record.ranking.hits)} hits; there is no hit {rank}.")
    found = hit.placement
    if found is None:
        raise RequestError(409, "The hits were not aligned, so they have no place; search with rerank=align.")
    bench.entry(hit.image)
    place = body.placement or schemas.PlacementBody(
        cx=found.center_xy[0], cy=found.center_xy[1], angle_deg=found.angle_deg, scale=found.scale
    )
    match = schemas.Match(
        search=search_id, query=record.query.name, rank=rank, image=hit.image, similarity=hit.similarity,
        confidence=hit.confidence, flipped=found.flipped, **place.model_dump(), width_px=record.query.width_px,
        height_px=record.query.height_px, verdict=body.verdict, nudged=body.placement is not None, time=time.time(),
    )  # fmt: skip
    bench.matches.put(match)
    return match


@router.delete("/api/searches/{search_id}/hits/{rank}/verdict", status_code=204, responses=problems(404))
def take_verdict_back(bench: Bench, search_id: JobId, rank: Rank) -> None:
    """Forget a verdict; also of a search that is not remembered any more."""
    if not bench.matches.remove(search_id, rank):
        raise RequestError(404, "There is no verdict on this hit; look at /api/matches.")


@router.get("/api/matches", responses=problems())
def list_matches(bench: Bench, verdict: schemas.Verdict | None = None, search: OneSearch = None) -> schemas.MatchList:
    """Return the verdicts, the newest first."""
    return schemas.MatchList(matches=bench.matches.all(verdict, search))


@router.get("/api/matches.csv", response_class=Response, responses={**media("text/csv"), **problems()})
def export_csv(bench: Bench, search: OneSearch = None) -> Response:
    """Return the accepted matches as CSV: a ranking's columns and `nudged`."""
    return exports.attach(exports.matches_csv(_accepted(bench, search)), "text/csv; charset=utf-8", "matches.csv")


@router.get("/api/matches.geojson", response_class=Response, responses={**media("application/geo+json"), **problems()})
def export_geojson(bench: Bench, search: OneSearch = None) -> Response:
    """Return the accepted matches' windows as GeoJSON, for QuPath."""
    text = exports.matches_geojson(_accepted(bench, search))
    return exports.attach(text, "application/geo+json", "matches.geojson")


@router.get("/api/matches.zip", response_class=Response, responses={**media("application/zip"), **problems(404)})
def export_zip(bench: Bench, search: OneSearch = None) -> Response:
    """Return the accepted matches as aligned crops with their queries, and the table."""

    def load(search_id: str) -> Image | None:
        try:
            record = bench.queue.get(search_id).result
            return load_query(record.query) if isinstance(record, SearchRecord) else None
        except RequestError:
            return None

    def cut(match: schemas.Match) -> Image:
        return cut_match(bench, match.image, exports.placement_of(match), match.height_px, match.width_px)

    data = exports.matches_zip(_accepted(bench, search), cut, load)
    return exports.attach(data, "application/zip", "matches.zip")


def _accepted(bench: Workbench, search: str | None) -> list[schemas.Match]:
    return bench.matches.all(schemas.Verdict.accepted, search)
