"""Pictures of hits: where the query lies, and what both look like to the networks."""

from __future__ import annotations

from crosslight.geometry import query_to_repository
from crosslight.pipeline.build import archive_key
from crosslight.show.comparison import compare
from crosslight.show.raster import Rgb, measure_colours, representation_to_rgb, to_rgb
from crosslight.types import Hit, Image
from crosslight.web.problems import RequestError
from crosslight.web.tiles import read_entry
from crosslight.web.uploads import StoredQuery
from crosslight.web.workbench import SearchRecord, Workbench

COMPARISON_PX = 480
MAX_QUERY_PX = 1600  # a larger query is shrunk for a comparison that is shown small


def load_query(query: StoredQuery) -> Image:
    """Return a query's pixels; raises RequestError (404) when it was forgotten."""
    try:
        return query.load()
    except FileNotFoundError:
        raise RequestError(404, "The query was given up or forgotten; upload it again.") from None


def copy_query(query: StoredQuery) -> StoredQuery:
    """Return the same query with a file of its own; raises RequestError (404) when it was forgotten."""
    try:
        return query.copy()
    except FileNotFoundError:
        raise RequestError(404, "The query was given up or forgotten; upload it again.") from None


def draw_comparison(bench: Workbench, record: SearchRecord, hit: Hit, part: str) -> Rgb:
    """Return the square `place`, `checks` or `blend` of `show.comparison.compare`."""
    if hit.placement is None:
        raise RequestError(409, "The hits were not aligned, so they have no place; search with rerank=align.")
    image = Image(pixels=bench.pictures.pyramid(bench.entry(hit.image)).full, name=hit.image)
    query = to_rgb(load_query(record.query))
    matrix = query_to_repository(hit.placement, record.query.height_px, record.query.width_px)
    comparison = compare(query, image, matrix, COMPARISON_PX)
    return {"place": comparison.place, "checks": comparison.checks, "blend": comparison.blend}[part]


def draw_representation(bench: Workbench, record: SearchRecord, hit: Hit, side: str) -> Rgb:
    """Return the representation of the query or of a hit's image in colours measured over both."""
    assert record.representation is not None
    entry = bench.entry(hit.image)
    both = record.representation, bench.index.archive.representation(archive_key(entry))
    colours = measure_colours(both)
    return representation_to_rgb(both[0] if side == "query" else both[1], colours)


def read_repository_image(bench: Workbench, name: str) -> Image:
    """Return a repository image with all its values, for exports."""
    return read_entry(bench.entry(name))
