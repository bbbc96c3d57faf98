"""The repository's images: list, look at, upload, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, Response

from crosslight.errors import InputError
from crosslight.pipeline.build import archive_key
from crosslight.pipeline.metadata import parse_pairs
from crosslight.types import Entry
from crosslight.web import schemas
from crosslight.web.additions import say_none
from crosslight.web.jobs import SkippedFile
from crosslight.web.problems import RequestError, status_of
from crosslight.web.routes.common import (
    Bench,
    Client,
    ImageName,
    describe_job,
    media,
    problems,
)
from crosslight.web.tiles import TILE_PX, encode_jpeg, max_level
from crosslight.web.workbench import Workbench

router = APIRouter(prefix="/api/images", tags=["images"])
Level = Annotated[int, PathParameter(ge=0, le=32)]
Cell = Annotated[int, PathParameter(ge=0, le=100_000)]
MAX_SHOWN = 100  # letters of a file name
KEEP = {"Cache-Control": "private, max-age=3600"}


@router.get("", responses=problems())
def list_images(
    bench: Bench,
    contains: Annotated[str, Query(max_length=200, description="Only names with this in them.")] = "",
    start: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    count: Annotated[int, Query(ge=1, le=500)] = 60,
) -> schemas.ImageList:
    """Return images of the repository, sorted by name."""
    wanted = contains.casefold()
    found = [e for name, e in sorted(bench.entries.items()) if wanted in name.casefold()]
    chosen = found[start : start + count]
    return schemas.ImageList(total=len(found), images=[_describe(bench, e) for e in chosen])


@router.post("", status_code=202, responses=problems(400, 409, 413, 415, 503))
def add_images(
    bench: Bench,
    client: Client,
    response: Response,
    images: Annotated[list[UploadFile], File(description="PNG, JPEG, TIFF, BMP or WebP files.")],
    metadata: Annotated[list[str] | None, Form(description="key=value for all of them.")] = None,
    replace: Annotated[bool, Form(description="Replace images that have the same name.")] = False,
) -> schemas.Job:
    """Add images to the repository. The job waits for its turn; searches go first.

    Files that cannot be used are passed over and named in `skipped`; where none can, nothing waits.
    """
    columns = parse_pairs(metadata or [], "metadata")
    if len(images) > bench.settings.limits.n_files:
        raise RequestError(413, f"{len(images)} files are more than the {bench.settings.limits.n_files} of one upload.")
    with bench.receiver.turn(client):
        files, skipped = _receive(bench, images, replace)
    job = bench.add(client, files, columns, skipped)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return describe_job(bench, job, client)


@router.get("/{name}", responses=problems(404))
def read_image(bench: Bench, name: ImageName) -> schemas.ImageBody:
    """Return what the index knows of an image."""
    return _describe(bench, bench.entry(name))


@router.delete("/{name}", status_code=202, responses=problems(404, 503))
def remove_image(bench: Bench, client: Client, name: ImageName) -> schemas.Job:
    """Remove an image from the index. Its file goes only if it was uploaded here."""
    bench.entry(name)
    return describe_job(bench, bench.remove(client, [name]), client)


@router.get("/{name}/thumbnail.jpg", response_class=Response, responses={**media("image/jpeg"), **problems(404)})
def read_thumbnail(bench: Bench, name: ImageName) -> Response:
    """Return the image with its longest side at most 256 px."""
    entry = bench.entry(name)
    archive = bench.index.pyramids if entry.kind == "slide" else bench.index.archive
    path = archive.thumbnail_path(archive_key(entry))
    return FileResponse(path, media_type="image/jpeg", headers=KEEP)


@router.get("/{name}/tiles", responses=problems(404))
def read_tile_info(bench: Bench, name: ImageName) -> schemas.TileInfo:
    """Return the shape of the image's deep zoom pyramid."""
    entry = bench.entry(name)
    return schemas.TileInfo(
        name=name, width_px=entry.width_px, height_px=entry.height_px, tile_px=TILE_PX,
        max_level=max_level(entry.height_px, entry.width_px),
    )  # fmt: skip


@router.get(
    "/{name}/tiles/{level}/{column}/{row}.jpg",
    response_class=Response,
    responses={**media("image/jpeg"), **problems(404)},
)
def read_tile(bench: Bench, name: ImageName, level: Level, column: Cell, row: Cell) -> Response:
    """Return one tile; tiles do not overlap, and the last of a row or column is smaller."""
    tile = bench.pictures.tile(bench.entry(name), level, column, row)
    if tile is None:
        raise RequestError(404, "The image has no such tile; look at its /tiles.")
    return Response(encode_jpeg(tile), media_type="image/jpeg", headers=KEEP)


def _receive(bench: Workbench, images: list[UploadFile], replace: bool) -> tuple[dict[str, Path], list[SkippedFile]]:
    """Keep the files that can be used, by image name, and say what is wrong with the others; raises where none can."""
    files: dict[str, Path] = {}
    skipped: list[SkippedFile] = []
    error: InputError | RequestError | None = None
    try:
        for upload in images:
            try:
                name, path = bench.receiver.receive_image(upload.file, upload.filename, bench.uploads)
                if name in files or (name in bench.entries and not replace):
                    path.unlink()
                    raise RequestError(409, f"There is an image called {name!r} already; rename yours, or replace it.")
                files[name] = path
            except (InputError, RequestError) as found:
                error = found
                skipped.append(SkippedFile(name=(upload.filename or "")[:MAX_SHOWN], reason=str(found)))
    except BaseException:
        for path in files.values():
            path.unlink(missing_ok=True)
        raise
    if error is not None and not files:
        raise error if len(images) == 1 else RequestError(status_of(error), say_none(skipped))
    return files, skipped


def _describe(bench: Workbench, entry: Entry) -> schemas.ImageBody:
    return schemas.ImageBody(
        name=entry.name, width_px=entry.width_px, height_px=entry.height_px, mpp=entry.mpp,
        metadata=entry.metadata, kind="slide" if entry.kind == "slide" else "image",
        uploaded=bench.is_uploaded(entry),
    )  # fmt: skip
