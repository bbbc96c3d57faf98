"""Searches: ask, watch, read the hits, look at them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from crosslight.config import AlignConfig
from crosslight.errors import InputError
from crosslight.pipeline.metadata import parse_pairs
from crosslight.pipeline.searching import SearchSettings, read_scale
from crosslight.show.raster import to_rgb
from crosslight.types import Hit, Modality
from crosslight.web import exports, pictures, schemas
from crosslight.web.events import stream_job
from crosslight.web.jobs import Job, JobState
from crosslight.web.problems import RequestError
from crosslight.web.routes.common import (
    Bench,
    Client,
    JobId,
    Rank,
    describe_job,
    get_search,
    media,
    problems,
)
from crosslight.web.tiles import encode_jpeg, encode_png
from crosslight.web.uploads import StoredQuery
from crosslight.web.workbench import SearchRecord, Workbench

router = APIRouter(prefix="/api/searches", tags=["searches"])
QUERY_VIEW_PX = 2048
KEEP = {"Cache-Control": "private, max-age=3600"}
Shortlist = Annotated[str, Form(pattern=r"^(all|auto|[1-9][0-9]{0,6})$", description="A number, all, or auto.")]


@router.post("", status_code=202, responses=problems(400, 413, 415, 503))
def start_search(
    bench: Bench,
    client: Client,
    response: Response,
    image: Annotated[UploadFile | None, File(description="The query: PNG, JPEG, TIFF, BMP or WebP.")] = None,
    again: Annotated[str, Form(max_length=64, description="Instead of an image: ask an earlier search's again.")] = "",
    modality: Annotated[Modality | None, Form(description="Kind of the query; default: the other one.")] = None,
    top: Annotated[int, Form(ge=1, le=200, description="Hits to return.")] = 15,
    shortlist: Shortlist = "auto",
    rerank: Annotated[schemas.Rerank, Form(description="align, patches or none.")] = "align",
    rotation: Annotated[float, Form(ge=0, le=180, description="Largest turn to look for, degrees.")] = 30.0,
    scale: Annotated[str, Form(max_length=40, description="Scales to look through: 1.25, or 0.8-1.25.")] = "1",
    flip: Annotated[bool, Form(description="Look for mirrored places too.")] = False,
    overlap: Annotated[float, Form(ge=0.25, le=1, description="Least share of the query inside the image.")] = 1.0,
    query_mpp: Annotated[
        float | None, Form(gt=0, le=10_000, description="The query's micrometres per pixel, if not as its file says.")
    ] = None,
    where: Annotated[list[str] | None, Form(description="Only images whose metadata say key=value.")] = None,
) -> schemas.Search:
    """Find where an image lies. The search waits for its turn; watch its events or ask for it again."""
    settings = SearchSettings(
        modality=modality or bench.index.other_modality, top=top,
        shortlist=int(shortlist) if shortlist.isdecimal() else shortlist, rerank=rerank, min_confidence=None,
        align=AlignConfig(rotation_deg=rotation, scale=read_scale(scale), flip=flip, overlap=overlap),
        where=parse_pairs(where or [], "where") or None,
    )  # fmt: skip
    with bench.receiver.turn(client):
        query = _receive(bench, image, again)
    if query_mpp is not None:
        query = replace(query, mpp=query_mpp)
    try:
        job = bench.search(client, query, settings)
    except BaseException:
        query.drop()
        raise
    response.headers["Location"] = f"/api/searches/{job.id}"
    return _describe(bench, job, client)


@router.get("/{search_id}", responses=problems(404))
def read_search(bench: Bench, client: Client, search_id: JobId) -> schemas.Search:
    """Return a search: where it stands and, once it is done, its hits."""
    job, _ = get_search(bench, search_id)
    return _describe(bench, job, client)


@router.delete("/{search_id}", status_code=204, responses=problems(404))
def cancel_search(bench: Bench, search_id: JobId) -> None:
    """Give up a search; one that is finished stays as it is."""
    job, _ = get_search(bench, search_id)
    bench.queue.cancel(job)


@router.get("/{search_id}/events", responses={**media("text/event-stream"), **problems(404)})
def watch_search(request: Request, bench: Bench, client: Client, search_id: JobId) -> StreamingResponse:
    """Stream the search as server-sent events: `job` at each change, until it is finished."""
    job, _ = get_search(bench, search_id)
    return stream_job(request, bench, job, client)


@router.get("/{search_id}/hits", responses=problems(404, 409))
def read_hits(bench: Bench, client: Client, search_id: JobId) -> schemas.RankingBody:
    """Return the hits, best first."""
    job, _ = get_search(bench, search_id)
    ranking = _describe(bench, job, client).ranking
    if ranking is None:
        raise _unfinished(job)
    return ranking


@router.get("/{search_id}/hits.csv", response_class=Response, responses={**media("text/csv"), **problems(404, 409)})
def export_hits_csv(bench: Bench, search_id: JobId) -> Response:
    """Return the ranking as the CSV of `crosslight search --csv`."""
    job, record = get_search(bench, search_id)
    if record.ranking is None or job.state is not JobState.done:
        raise _unfinished(job)
    return exports.attach(exports.ranking_csv(record.ranking), "text/csv; charset=utf-8", f"{record.query.name}.csv")


@router.get("/{search_id}/query.png", response_class=Response, responses={**media("image/png"), **problems(404)})
def draw_query(bench: Bench, search_id: JobId) -> Response:
    """Return the query as a picture, its longest side at most 2048 px."""
    _, record = get_search(bench, search_id)
    return _png(encode_png(to_rgb(pictures.load_query(record.query), max_px=QUERY_VIEW_PX)))


@router.get(
    "/{search_id}/hits/{rank}/comparison/{part}.jpg",
    response_class=Response,
    responses={**media("image/jpeg"), **problems(404, 409)},
)
def draw_comparison(bench: Bench, search_id: JobId, rank: Rank, part: Literal["place", "checks", "blend"]) -> Response:
    """Return the place of a hit in a square: alone, in a checkerboard with the query, or half covered by it."""
    record, hit = _get_hit(bench, search_id, rank)
    rgb = pictures.draw_comparison(bench, record, hit, part)
    return Response(encode_jpeg(rgb), media_type="image/jpeg", headers=KEEP)


@router.get("/{search_id}/hits/{rank}/representation", responses=problems(404, 409))
def read_representation_info(bench: Bench, search_id: JobId, rank: Rank) -> schemas.RepresentationInfo:
    """Return what the pictures of the representations cover, in pixels of the query and of the repository image."""
    record, hit = _get_hit(bench, search_id, rank)
    query, image = pictures.representation_boxes(bench, record, hit)
    return schemas.RepresentationInfo(query=query, image=image)


@router.get(
    "/{search_id}/hits/{rank}/representation/{side}.png",
    response_class=Response,
    responses={**media("image/png"), **problems(404, 409)},
)
def draw_representation(bench: Bench, search_id: JobId, rank: Rank, side: Literal["query", "image"]) -> Response:
    """Return the representation of the query or of the hit's image; the same colours mean the same in both."""
    record, hit = _get_hit(bench, search_id, rank)
    return _png(encode_png(pictures.draw_representation(bench, record, hit, side)))


def _receive(bench: Workbench, image: UploadFile | None, again: str) -> StoredQuery:
    if image is not None:
        return bench.receiver.receive_query(image.file, image.filename)
    if not again:
        raise InputError("There is no image; send one as `image`, or an earlier search's id as `again`.")
    return pictures.copy_query(get_search(bench, again)[1].query)


def _png(data: bytes) -> Response:
    return Response(data, media_type="image/png", headers=KEEP)


def _describe(bench: Workbench, job: Job, client: str) -> schemas.Search:
    body = describe_job(bench, job, client)
    assert isinstance(body, schemas.Search)
    return body


def _unfinished(job: Job) -> RequestError:
    return RequestError(409, f"The search is {job.state.value}, so it has no hits; look at its events.")


def _get_hit(bench: Workbench, search_id: str, rank: int) -> tuple[SearchRecord, Hit]:
    job, record = get_search(bench, search_id)
    if record.ranking is None or job.state is not JobState.done:
        raise _unfinished(job)
    hits = {hit.rank: hit for hit in record.ranking.hits}
    if rank not in hits:
        raise RequestError(404, f"The search has {len(hits)} hits; there is no hit {rank}.")
    return record, hits[rank]
