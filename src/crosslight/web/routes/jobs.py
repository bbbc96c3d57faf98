"""Jobs of every kind: list, watch, give up."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from crosslight.web import schemas
from crosslight.web.events import stream_job
from crosslight.web.routes.common import Bench, Client, JobId, describe_job, media, problems

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("", responses=problems())
def list_jobs(bench: Bench, client: Client, own: bool = False) -> schemas.JobList:
    """Return the jobs that are remembered, the newest first; `own` leaves out those of other visitors."""
    jobs = [j for j in bench.queue.all() if not own or j.client == client]
    return schemas.JobList(jobs=[_shorten(describe_job(bench, j, client)) for j in jobs])


@router.get("/{job_id}", responses=problems(404))
def read_job(bench: Bench, client: Client, job_id: JobId) -> schemas.Job:
    """Return where a job stands."""
    return _shorten(describe_job(bench, bench.queue.get(job_id), client))


@router.delete("/{job_id}", status_code=204, responses=problems(404))
def cancel_job(bench: Bench, job_id: JobId) -> None:
    """Give up a job; one that is finished stays as it is."""
    bench.queue.cancel(bench.queue.get(job_id))


@router.get("/{job_id}/events", responses={**media("text/event-stream"), **problems(404)})
def watch_job(request: Request, bench: Bench, client: Client, job_id: JobId) -> StreamingResponse:
    """Stream the job as server-sent events: `job` at each change, until it is finished."""
    return stream_job(request, bench, bench.queue.get(job_id), client)


def _shorten(job: schemas.Job) -> schemas.Job:
    """Return the fields that all kinds of jobs share."""
    return schemas.Job(**{name: getattr(job, name) for name in schemas.Job.model_fields})
