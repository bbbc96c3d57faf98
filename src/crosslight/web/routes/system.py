"""Whether the service is well, which version it is, what the index and its model are."""

from __future__ import annotations

import csv
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

import crosslight
from crosslight.represent.record import method_of, read_record
from crosslight.web import schemas
from crosslight.web.jobs import FINISHED
from crosslight.web.problems import RequestError
from crosslight.web.routes.common import Bench, media, problems
from crosslight.web.workbench import Workbench

router = APIRouter(prefix="/api", tags=["system"])
CURVE_POINTS = 400


@router.get("/health", responses=problems())
def read_health(bench: Bench) -> schemas.Health:
    """Return that the service answers, and how busy it is."""
    unfinished = sum(job.state not in FINISHED for job in bench.queue.all())
    return schemas.Health(images=len(bench.entries), unfinished_jobs=unfinished)


@router.get("/version", responses=problems())
def read_version() -> schemas.Version:
    """Return the version of the program and of this API."""
    return schemas.Version(crosslight=crosslight.__version__)


@router.get("/index", responses=problems())
def read_index(bench: Bench) -> schemas.IndexInfo:
    """Return what the index holds."""
    return describe_index(bench)


def describe_index(bench: Workbench) -> schemas.IndexInfo:
    """Return the facts of `crosslight info`, the columns to filter by, and the limits of uploads."""
    facts: dict[str, Any] = {name: bench.facts[name] for name in ("modality", "model", "preset", "words", "stride")}
    uploads = bench.uploads.glob("*") if bench.uploads.is_dir() else ()
    limits = bench.settings.limits
    return schemas.IndexInfo(
        **facts,
        name=bench.index.folder.resolve().name,
        images=len(bench.entries),
        query_modality=bench.index.other_modality,
        bytes=int(bench.facts["bytes"]),
        uploaded_bytes=sum(file.stat().st_size for file in uploads),
        metadata=dict(bench.columns),
        limits={
            name: getattr(limits, name)
            for name in ("query_bytes", "query_pixels", "image_bytes", "image_pixels", "side_px", "n_files")
        },
    )


@router.get("/model", responses=problems())
def read_model(bench: Bench) -> schemas.ModelInfo:
    """Return how the model was trained and calibrated."""
    folder = _model_folder(bench)
    record = read_record(folder)  # methods differ in what they write
    return schemas.ModelInfo(
        fingerprint=str(bench.facts["model"]),
        method=method_of(record),
        preset=record.get("preset", ""),
        mpp=record.get("mpp"),
        network=record.get("network", {}),
        modalities=record.get("modalities", {}),
        training=record.get("training", {}),
        calibration=asdict(bench.index.calibration()),
        has_preview=(folder / "preview.png").is_file(),
        curve=_read_columns(folder / "training.csv"),
        reliability=_read_columns(folder / "calibration.csv"),
    )


@router.get("/model/preview.png", response_class=Response, responses={**media("image/png"), **problems(404)})
def read_preview(bench: Bench) -> Response:
    """Return the picture of pairs beside their representations that `crosslight fit` drew."""
    path = _model_folder(bench) / "preview.png"
    if not path.is_file():
        raise RequestError(404, "The model came without a preview; `crosslight fit` draws one.")
    return FileResponse(path, media_type="image/png")


def _model_folder(bench: Workbench) -> Path:
    return bench.index.folder / "model"


def _read_columns(path: Path) -> dict[str, list[float]]:
    """Return the columns of a table with at most `CURVE_POINTS` rows; nothing where there is none."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = rows[:: -(-len(rows) // CURVE_POINTS) or 1]
    try:
        columns = {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else ())}
    except (TypeError, ValueError):
        return {}
    return {name: values for name, values in columns.items() if all(map(math.isfinite, values))}
