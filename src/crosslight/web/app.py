"""The application: routes, errors and the guard, around one opened index."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response

import crosslight
from crosslight.pipeline.index import Index
from crosslight.web import problems
from crosslight.web.reference import complete_openapi
from crosslight.web.routes import images, jobs, matches, pages, searches, system
from crosslight.web.schemas import Problem
from crosslight.web.security import Guard
from crosslight.web.settings import ServeSettings
from crosslight.web.workbench import Workbench

STATIC = Path(__file__).parent / "static"
WORDS = (
    "Find where an image of one kind lies in images of another kind. The words are those of the command line. Points "
    "are (x, y) in full-resolution pixels with pixel centres on whole numbers, angles in degrees counter-clockwise."
)


def build_app(index: Index, settings: ServeSettings | None = None) -> FastAPI:
    """Return the application for an opened index, which it closes when it ends."""
    settings = settings or ServeSettings()
    bench = Workbench(index, settings)

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=bench.start, daemon=True).start()
        yield
        bench.close()

    app = _App(
        title="Crosslight", version=crosslight.__version__, description=WORDS, lifespan=live,
        openapi_url="/api/openapi.json", docs_url=None, redoc_url=None, responses={500: {"model": Problem}},
    )  # fmt: skip
    app.state.bench = bench
    problems.install(app)
    for part in (pages, searches, images, jobs, matches, system):
        app.include_router(part.router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    app.add_middleware(Guard, settings=settings)
    return app


class _App(FastAPI):
    """FastAPI with errors described as they are sent."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description."""
        if self.openapi_schema is None:
            self.openapi_schema = complete_openapi(super().openapi())
        return self.openapi_schema


class _Static(StaticFiles):
    """Files that come with the package; a new version of the package shows at once."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file that the browser may keep and asks about each time."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response
