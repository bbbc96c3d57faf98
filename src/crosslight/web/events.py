"""Jobs as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from crosslight.web.jobs import FINISHED, Job
from crosslight.web.routes.common import describe_job
from crosslight.web.workbench import Workbench

LOOK_S = 0.1  # between two looks at a job
HEARTBEAT_S = 15.0  # between two signs of life, so that nothing in between hangs up


def stream_job(request: Request, bench: Workbench, job: Job, client: str) -> StreamingResponse:
    """Return a response that tells of every change of a job until it is finished or the visitor leaves."""

    async def tell() -> AsyncIterator[str]:
        last, told = "", time.monotonic()
        while True:
            finished = job.state in FINISHED
            body = describe_job(bench, job, client).model_dump_json()
            if body != last:
                last, told = body, time.monotonic()
                yield f"event: job\ndata: {body}\n\n"
            elif time.monotonic() - told > HEARTBEAT_S:
                told = time.monotonic()
                yield ": still here\n\n"
            if finished or await request.is_disconnected():
                return
            await asyncio.sleep(LOOK_S)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(tell(), media_type="text/event-stream", headers=headers)
