"""Large images as pictures: the part around a hit, as an image of its own with the hit moved into it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crosslight.errors import InputError
from crosslight.geometry import query_to_repository, window_corners
from crosslight.pipeline.asking import Asked, working_mpp
from crosslight.pipeline.build import archive_key
from crosslight.read.rescale import RescaledSource
from crosslight.read.source import SlideSource
from crosslight.types import Entry, Hit, Image, Ranking, Representation

if TYPE_CHECKING:
    from crosslight.pipeline.answers import IndexAnswers

AROUND = 0.6  # of the window's longer side, shown on each side of it
MAX_SHOWN_PX = 6144


def show_places(
    index: IndexAnswers, ranking: Ranking, n_hits: int
) -> tuple[Ranking, Callable[[str], Image], tuple[Representation, Representation] | None]:
    """Return a ranking whose hits in large images lie in small ones cut out around them.

    Parameters
    ----------
    index : IndexAnswers
        What was searched.
    ranking : Ranking
        With its query.
    n_hits : int
        Only so many hits are kept.

    Returns
    -------
    ranking : Ranking
        The first hits. Those in large images have names of their own and places in the part shown.
    load : callable
        From a hit's image name to its pixels.
    representations : tuple of Representation, or None
        Of the query and of the first hit's image or part, where they can be compared.
    """
    query = ranking.query_image
    assert query is not None
    parts: dict[str, Image] = {}
    hits: list[Hit] = []
    seen: tuple[Representation, Representation] | None = None
    for hit in ranking.hits[:n_hits]:
        entry = index.entry(hit.image)
        if entry.kind != "slide":
            hits.append(hit)
            if hit.rank == 1:
                seen = index.compare(ranking)
            continue
        part, moved, representation = _cut_out(index, entry, hit, query)
        parts[part.name] = part
        hits.append(moved)
        asked = Asked(query, index.model.representer(ranking.modality or index.other_modality))
        if hit.rank == 1 and representation is not None and asked.factor(working_mpp(entry)) == 1:
            seen = asked.at(None, plain=True).representation, representation
    shown = replace(ranking, hits=hits)
    return shown, lambda name: parts[name] if name in parts else index.image(name), seen


def _cut_out(index: IndexAnswers, entry: Entry, hit: Hit, query: Image) -> tuple[Image, Hit, Representation | None]:
    """Return the part of a slide around a hit, the hit in it, and the part's representation."""
    place, corners = hit.placement, hit.corners_xy
    shape = index.pyramids.shape(archive_key(entry))
    stride = shape.stride
    if place is None or corners is None:  # found by histogram only: the whole slide, from afar
        level = len(index.levels(entry.name)) - 1
        size = index.levels(entry.name)[level]
        pixels = index.region(entry.name, level, 0, 0, size.height_px, size.width_px)
        return Image(pixels=pixels, name=entry.name), hit, None
    center = (np.array(place.center_xy) + 0.5) / entry.reduction
    extent = (corners.max(axis=0) - corners.min(axis=0)) / entry.reduction
    half = min(float(extent.max()) * (0.5 + AROUND), MAX_SHOWN_PX / 2)
    limits = np.array([shape.width, shape.height]) * stride
    first = np.maximum(0, np.floor((center - half) / stride).astype(int) * stride)
    last = np.minimum(limits, np.ceil((center + half) / stride).astype(int) * stride)
    left, top, width, height = int(first[0]), int(first[1]), *(int(v) for v in last - first)
    view = RescaledSource(index.source(entry.name), entry.reduction)
    name = f"{entry.name} at {place.center_xy[0]:.0f}, {place.center_xy[1]:.0f}"
    part = Image(pixels=view.read(top, left, height, width), name=name)
    x, y = (float(v) for v in center - 0.5 - first)
    moved = replace(place, center_xy=(x, y), scale=place.scale / entry.reduction)
    region = index.pyramids.region(
        archive_key(entry), 0, top // stride, left // stride, height // stride, width // stride
    )
    return (
        part,
        replace(
            hit,
            image=name,
            placement=moved,
            corners_xy=window_corners(moved, query.height_px, query.width_px),
            matrix=query_to_repository(moved, query.height_px, query.width_px),
        ),
        region,
    )


def whole_image(source: SlideSource, name: str, max_pixels: int) -> Image:
    """Return all pixels of a large image; raises InputError where those are too many to hold."""
    size = source.levels[0]
    if size.height_px * size.width_px > max_pixels:
        raise InputError(
            f"{name} has {size.width_px} x {size.height_px} px, too many to read at once; Index.region reads a "
            "part of it, Index.levels says which resolutions there are."
        )
    pixels = source.read_region(0, 0, 0, size.height_px, size.width_px)
    return Image(pixels=pixels, name=name, mpp=size.mpp)
