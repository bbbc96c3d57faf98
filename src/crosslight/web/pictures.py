"""Pictures of hits: where the query lies, and what both look like to the networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from crosslight.geometry import cut_window, query_to_repository, window_corners
from crosslight.pipeline.asking import Asked, working_mpp
from crosslight.pipeline.build import archive_key
from crosslight.read.image import read_image
from crosslight.read.rescale import RescaledSource
from crosslight.show.comparison import MARGIN, compare
from crosslight.show.overlay import compose
from crosslight.show.raster import Rgb, measure_colours, representation_to_rgb, to_rgb
from crosslight.types import Entry, Float64, Hit, Image, Placement, Representation
from crosslight.web.problems import RequestError
from crosslight.web.schemas import Box
from crosslight.web.uploads import StoredQuery
from crosslight.web.workbench import SearchRecord, Workbench

COMPARISON_PX = 480
MAX_CELLS = 1024  # of a large representation, on a side of the part around a hit
AROUND = 1.0  # of a window's extent, on each side of it


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
    place, corners = require_place(hit)
    rgb, to_part = bench.pictures.part(bench.entry(hit.image), corners, MARGIN + 0.1, 2 * COMPARISON_PX)
    matrix = compose(to_part, query_to_repository(place, record.query.height_px, record.query.width_px))
    query = to_rgb(load_query(record.query))
    comparison = compare(query, Image(pixels=rgb, name=hit.image), matrix, COMPARISON_PX)
    return {"place": comparison.place, "checks": comparison.checks, "blend": comparison.blend}[part]


def draw_representation(bench: Workbench, record: SearchRecord, hit: Hit, side: str) -> Rgb:
    """Return the representation of the query or of a hit's image in colours measured over both."""
    both = _represent_query(bench, record, hit), _repository_part(bench, bench.entry(hit.image), hit)[0]
    return representation_to_rgb(both[0] if side == "query" else both[1], measure_colours(both))


def representation_boxes(bench: Workbench, record: SearchRecord, hit: Hit) -> tuple[Box, Box]:
    """Return what the two pictures of `draw_representation` cover: of the query, and of the repository image."""
    seen = _represent_query(bench, record, hit)
    asked = Asked(load_query(record.query), bench.index.model.representer(record.settings.modality))
    cell = seen.stride / asked.factor(working_mpp(bench.entry(hit.image)))
    height, width = seen.values.shape[1:]
    query = Box(x=0, y=0, width=width * cell, height=height * cell)
    return query, _repository_part(bench, bench.entry(hit.image), hit)[1]


def cut_match(bench: Workbench, name: str, place: Placement, height_px: int, width_px: int) -> Image:
    """Return what a query of this size would show at a place of a repository image, with all its values."""
    entry = bench.entry(name)
    if entry.kind != "slide":
        return cut_window(read_image(Path(entry.path)), place, height_px, width_px, name)
    reduction = max(1.0, place.scale)
    corners = (window_corners(place, height_px, width_px) + 0.5) / reduction
    left, top = (int(v) - 4 for v in np.floor(corners.min(axis=0)))
    right, bottom = (int(v) + 4 for v in np.ceil(corners.max(axis=0)))
    pixels = RescaledSource(bench.index.source(name), reduction).read(top, left, bottom - top, right - left)
    x, y = (np.array(place.center_xy) + 0.5) / reduction - 0.5 - (left, top)
    moved = replace(place, center_xy=(float(x), float(y)), scale=place.scale / reduction)
    return cut_window(Image(pixels=pixels, name=name), moved, height_px, width_px, name)


def require_place(hit: Hit) -> tuple[Placement, Float64]:
    """Return where a hit lies; raises RequestError (409) for one that was not aligned."""
    if hit.placement is None or hit.corners_xy is None:
        raise RequestError(409, "The hits were not aligned, so they have no place; search with rerank=align.")
    return hit.placement, hit.corners_xy


def _represent_query(bench: Workbench, record: SearchRecord, hit: Hit) -> Representation:
    """Return the query's representation at the pixel size of the hit's image, and in its cells."""
    representer, entry = bench.index.model.representer(record.settings.modality), bench.entry(hit.image)
    asked, mpp = Asked(load_query(record.query), representer), working_mpp(entry)
    is_slide = entry.kind == "slide"
    if asked.factor(mpp) == 1:
        return record.query.representation((representer.plain if is_slide else representer).stride)
    return asked.at(mpp, plain=is_slide).representation


def _repository_part(bench: Workbench, entry: Entry, hit: Hit) -> tuple[Representation, Box]:
    """Return an image's representation and what it covers; of a large image only the part around the hit."""
    if entry.kind != "slide":
        whole = bench.index.archive.representation(archive_key(entry))
        height, width = whole.values.shape[1:]
        return whole, Box(x=0, y=0, width=width * whole.stride, height=height * whole.stride)
    _, corners = require_place(hit)
    shape = bench.index.pyramids.shape(archive_key(entry))
    low, high = corners.min(axis=0), corners.max(axis=0)
    extent = float((high - low).max()) * (1 + 2 * AROUND)
    cell = shape.stride * entry.reduction
    level = 0
    while extent / (cell * 2**level) > MAX_CELLS and level < shape.n_levels - 1:
        level += 1
    cell *= 2**level
    left, top = (int(v) for v in np.floor(((low + high + 1 - extent) / 2) / cell))
    n = min(MAX_CELLS, int(np.ceil(extent / cell)) + 1)
    part = bench.index.pyramids.region(archive_key(entry), level, top, left, n, n)
    return part, Box(x=left * cell, y=top * cell, width=n * cell, height=n * cell)
