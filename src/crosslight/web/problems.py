"""Errors as JSON problem details (RFC 9457): one sentence, no trace, no path of this computer."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from crosslight.errors import (
    ClusterError,
    ConfigError,
    CrosslightError,
    IndexCorruptError,
    IndexMismatchError,
    InputError,
    MissingDependencyError,
    ModelError,
    StoreUnavailableError,
    TrainingDivergedError,
)

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[Exception], int] = {
    InputError: 422,
    ConfigError: 422,
    MissingDependencyError: 501,
    ModelError: 500,
    IndexMismatchError: 409,
    IndexCorruptError: 500,
    StoreUnavailableError: 503,
    ClusterError: 503,
    TrainingDivergedError: 500,
}
SENTENCES = {
    404: "There is nothing at this address; look at /api/docs for what there is.",
    405: "This address does not take that method; look at /api/docs for what it takes.",
}
log = logging.getLogger(__name__)


class RequestError(CrosslightError):
    """A request that cannot be served as it was sent; `status` is the HTTP status."""

    def __init__(self, status: int, sentence: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.retry_after_s = status, retry_after_s


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error: that of its closest class in `STATUS`."""
    if isinstance(error, RequestError):
        return error.status
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def describe_problem(status: int, sentence: str, kind: str = "") -> dict[str, Any]:
    """Return the fields of a problem; `kind` is the class of the error."""
    title = HTTPStatus(status).phrase
    return {
        "type": f"urn:crosslight:{kind or title.replace(' ', '')}",
        "title": title,
        "status": status,
        "detail": sentence,
    }


def respond(status: int, sentence: str, kind: str = "", headers: dict[str, str] | None = None) -> Response:
    """Return a problem as a response."""
    body = json.dumps(describe_problem(status, sentence, kind))
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(error: Exception) -> dict[str, Any]:
    """Return what a visitor is told of an error; one that is not ours is logged and not shown."""
    if isinstance(error, CrosslightError):
        return describe_problem(status_of(error), str(error), type(error).__name__)
    log.error("a job failed", exc_info=error)
    return describe_problem(500, "Something went wrong in the program; the server's log says what.")


def install(app: FastAPI) -> None:
    """Let every error of `app` become a problem."""

    def on_ours(request: Request, error: Exception) -> Response:
        retry_after_s = getattr(error, "retry_after_s", None)
        headers = {"Retry-After": str(retry_after_s)} if retry_after_s else None
        return respond(status_of(error), str(error), type(error).__name__, headers)

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = SENTENCES.get(error.status_code, str(error.detail).rstrip(".") + ".")
        return respond(error.status_code, sentence, headers=dict(error.headers or {}))

    def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return respond(422, f"{where}: {first['msg']}; look at /api/docs for what is allowed.", "InputError")

    def on_unforeseen(request: Request, error: Exception) -> Response:
        return respond(500, "Something went wrong in the program; the server's log says what.")

    app.add_exception_handler(CrosslightError, on_ours)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_unforeseen)
