"""The answers to queries as one HTML page: what was asked, what was found, how well it fits."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from crosslight.show.comparison import Comparison
from crosslight.show.page import data_address, write_template
from crosslight.show.raster import Rgb
from crosslight.show.words import say_degrees, say_share
from crosslight.types import Hit, Ranking

LIKELY = 0.5  # a confidence from which on the first hit is called found, where the search was not told another


@dataclass(frozen=True, eq=False, kw_only=True)
class Answer:
    """What the page shows of one ranking; pictures that cannot be had are None.

    Attributes
    ----------
    ranking : Ranking
        With at least one hit.
    query : ndarray of shape (H, W, 3), uint8, or None
        The query.
    comparison, representations : Comparison or None
        The query on the place where it was found, and the same of both representations.
    tiles : sequence of ndarray or None
        The first hits' images, with the windows in them.
    note : str
        What is missing and why; may be empty.
    """

    ranking: Ranking
    query: Rgb | None = None
    comparison: Comparison | None = None
    representations: Comparison | None = None
    tiles: Sequence[Rgb | None] = ()
    note: str = ""


def write_ranking_page(
    path: Path, rankings: Sequence[Ranking], answers: Iterable[Answer], *, title: str, facts: str = ""
) -> None:
    """Write a self-contained page: a summary of all queries, then each of them with its pictures.

    Parameters
    ----------
    path : Path
        The HTML file; its folder is made.
    rankings : sequence of Ranking
        What the summary lists.
    answers : iterable of Answer
        One per ranking, in the same order; they are taken one by one, so that the pictures of one are held at a time.
    title : str
        Heading of the page.
    facts : str
        One sentence on what was searched.
    """
    script = files("crosslight.show").joinpath("templates", "ranking.js").read_text(encoding="utf-8")
    rows = [describe_ranking(ranking) for ranking in rankings]
    n_found = sum(row["found"] for row in rows)
    write_template(
        path, "ranking.html", title=title, lead=_say_lead(len(rows), n_found), facts=facts, rows=rows,
        answers=(_show(number, answer) for number, answer in enumerate(answers, start=1)),
        script=script, script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )  # fmt: skip


def describe_ranking(ranking: Ranking) -> dict[str, Any]:
    """Return the first hit of a ranking in words, for the summary and for the heading of its section."""
    hit = ranking.hits[0]
    found = hit.confidence >= LIKELY if ranking.found is None else ranking.found
    return {
        "query": ranking.query,
        "found": found,
        "absent": ranking.found is False,
        "note": ranking.note,
        **describe_hit(hit),
    }


def describe_hit(hit: Hit) -> dict[str, Any]:
    """Return a hit in words."""
    place = hit.placement
    return {
        "rank": hit.rank,
        "image": hit.image,
        "similarity": f"{hit.similarity:.3f}".replace("-", "\N{MINUS SIGN}"),
        "confidence": say_share(hit.confidence),
        "share": f"{100 * hit.confidence:.1f}",
        "centre": f"{place.center_xy[0]:.1f}, {place.center_xy[1]:.1f}" if place else "",
        "angle": say_degrees(place.angle_deg) if place else "",
        "scale": f"{place.scale:.3f}" if place else "",
        "mirrored": "mirrored" if place and place.flipped else "",
    }


def _say_lead(n_queries: int, n_found: int) -> str:
    if n_queries == 1:
        return "The query was found." if n_found else "There is no sure answer."
    if n_found == n_queries:
        return f"All {n_queries} queries were found."
    if n_found == 0:
        return f"None of the {n_queries} queries was found with enough confidence."
    return f"{n_found} of {n_queries} queries {'was' if n_found == 1 else 'were'} found with enough confidence."


def _show(number: int, answer: Answer) -> dict[str, Any]:
    """Return what the template needs of one answer, its pictures as addresses."""
    tiles = [None if tile is None else data_address(tile, "WEBP") for tile in answer.tiles]
    hits = [describe_hit(hit) for hit in answer.ranking.hits]
    scaled = any(hit.placement and abs(hit.placement.scale - 1) > 1e-4 for hit in answer.ranking.hits)
    return {
        "number": number, "first": describe_ranking(answer.ranking), "hits": hits, "note": answer.note,
        "tiles": list(zip(hits, tiles, strict=False)), "scaled": scaled,
        "query": None if answer.query is None else data_address(answer.query, "WEBP"),
        "comparison": _addresses(answer.comparison), "representations": _addresses(answer.representations),
    }  # fmt: skip


def _addresses(comparison: Comparison | None) -> dict[str, str] | None:
    if comparison is None:
        return None
    return {name: data_address(picture, "WEBP") for name, picture in vars(comparison).items()}
