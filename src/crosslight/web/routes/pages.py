"""The pages that people open; what they show they fetch from the REST API."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

import crosslight
from crosslight.show import palette
from crosslight.web.reference import describe_api
from crosslight.web.routes.common import Bench, JobId, Rank, get_search
from crosslight.web.workbench import Workbench

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
MAX_FORM_BYTES = 4096


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("crosslight.web"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def render(template: str, bench: Workbench | None, page: str, **values: Any) -> HTMLResponse:
    """Return a page; `page` is the part of the application that it belongs to."""
    name = bench.index.folder.resolve().name if bench else ""
    text = _templates().get_template(template).render(
        page=page, index_name=name, n_images=len(bench.entries) if bench else 0, version=crosslight.__version__,
        **values,
    )  # fmt: skip
    return HTMLResponse(text, headers={"Cache-Control": "no-cache"})


@router.get("/")
def search_page(bench: Bench) -> HTMLResponse:
    """Drop an image and see where it lies."""
    return render("search.html", bench, "search", **_search_values(bench), search_id="")


@router.get("/searches/{search_id}")
def result_page(bench: Bench, search_id: JobId) -> HTMLResponse:
    """Show the same page with the answer of a search."""
    bench.queue.get(search_id)
    return render("search.html", bench, "search", **_search_values(bench), search_id=search_id)


@router.get("/searches/{search_id}/hits/{rank}")
def compare_page(bench: Bench, search_id: JobId, rank: Rank) -> HTMLResponse:
    """Show a hit under the query."""
    get_search(bench, search_id)
    return render("compare.html", bench, "search", search_id=search_id, rank=rank)


@router.get("/repository")
def repository_page(bench: Bench) -> HTMLResponse:
    """Show what can be found, and change it."""
    return render(
        "repository.html", bench, "repository", modality=bench.facts["modality"], limits=bench.settings.limits
    )


@router.get("/matches")
def matches_page(bench: Bench) -> HTMLResponse:
    """Show what was accepted."""
    return render("matches.html", bench, "matches")


@router.get("/model")
def model_page(bench: Bench) -> HTMLResponse:
    """Show how the model was trained."""
    return render("model.html", bench, "model")


@router.get("/api/docs")
def api_page(request: Request, bench: Bench) -> HTMLResponse:
    """Show the REST API, read from its own description."""
    return render("api.html", bench, "api", groups=describe_api(request.app.openapi()), base=str(request.base_url))


@router.get("/login")
def login_page(wrong: bool = False, next: str = "/") -> HTMLResponse:
    """Ask for the token."""
    return render("login.html", None, "login", wrong=wrong, next=_local(next))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Take the token and remember it in a cookie."""
    form = parse_qs((await request.body())[:MAX_FORM_BYTES].decode("utf-8", "replace"))
    target = _local(form.get("next", ["/"])[0])
    cookie = request.scope["crosslight.guard"].check_token(form.get("token", [""])[0].strip())
    if cookie is None:
        return RedirectResponse("/login?wrong=1", status_code=303)
    response = RedirectResponse(target, status_code=303)
    response.headers.append("set-cookie", cookie)
    return response


@router.get("/palette.css")
def palette_css() -> Response:
    """Return the colours of every picture and plot as CSS variables."""
    names = ("QUERY", "FOUND", "TRUTH", "WRONG")
    lines = [f"--{name.lower()}: {palette.to_hex(getattr(palette, name))};" for name in names]
    return Response(":root { " + " ".join(lines) + " }\n", media_type="text/css")


def _search_values(bench: Workbench) -> dict[str, Any]:
    return {
        "modality": bench.facts["modality"],
        "query_modality": bench.index.other_modality,
        "columns": bench.columns,
        "limits": bench.settings.limits,
    }


def _local(target: str) -> str:
    """Return a path on this site; anything else becomes the first page."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"
