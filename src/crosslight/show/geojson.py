"""Found windows as GeoJSON, as QuPath reads it: annotations with a class, its colour, and measurements.

Coordinates are full-resolution (level 0) pixels, (0, 0) being the outer corner of the top-left pixel.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosslight.show.outlines import Outline, find_outlines, share_out
from crosslight.types import Ranking

SUFFIX = ".geojson"
NAMESPACE = uuid.UUID("8a1f3f9e-6f1c-5d0a-9b52-4f6b7c1f0c11")  # makes the same hit's id the same each time


def write_geojson(path: Path, rankings: Sequence[Ranking]) -> list[Path]:
    """Write the windows of all aligned hits and return the files.

    Parameters
    ----------
    path : Path
        A file, for everything together; or a folder, for one file per repository image, which is what QuPath imports
        into the image that is open. A name without a suffix is a folder.
    rankings : sequence of Ranking
        Hits that were not aligned are left out.

    Raises
    ------
    InputError
        If no hit was aligned.
    """
    files = share_out(find_outlines(rankings), path, SUFFIX)
    for file, outlines in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.part")
        temporary.write_text(json.dumps(to_collection(outlines), ensure_ascii=False, indent=1), encoding="utf-8")
        temporary.replace(file)
    return list(files)


def to_collection(outlines: Sequence[Outline]) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection: per window a polygon and its centre."""
    return {"type": "FeatureCollection", "features": [f for outline in outlines for f in _features(outline)]}


def _features(outline: Outline) -> list[dict[str, Any]]:
    corners = [_round(point) for point in outline.corners_xy]
    window = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    center = {"type": "Point", "coordinates": _round(outline.center_xy)}
    return [
        _feature(outline, "window", outline.title, window),
        _feature(outline, "centre", f"{outline.title}, centre", center),
    ]


def _feature(outline: Outline, part: str, title: str, geometry: dict[str, Any]) -> dict[str, Any]:
    image, query = outline.hit.image, outline.query
    properties = {
        "objectType": "annotation",
        "name": title,
        "classification": {"name": outline.kind, "color": list(outline.colour)},
        "isLocked": True,  # so that a click in the viewer doesn't move it
        "measurements": outline.facts,
        "metadata": {"image": image, "query": query, "part": part},
        "image": image,
        "query": query,
        "part": part,
        **outline.facts,
    }
    identity = str(uuid.uuid5(NAMESPACE, json.dumps([image, query, outline.hit.rank, part])))
    return {"type": "Feature", "id": identity, "geometry": geometry, "properties": properties}


def _round(point: Sequence[float]) -> list[float]:
    return [round(float(value), 3) for value in point]
