"""Accepted matches and rankings as files: CSV, GeoJSON, aligned crops."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from urllib.parse import quote

from fastapi.responses import Response

from crosslight.geometry import window_corners
from crosslight.pipeline.ranking import FLIPPED, RANKING_COLUMNS, ranking_rows
from crosslight.show.geojson import to_collection
from crosslight.show.outlines import find_outlines, safe_name
from crosslight.show.raster import to_rgb
from crosslight.types import Hit, Image, Placement, Ranking
from crosslight.web.schemas import Match
from crosslight.web.tiles import encode_png

MATCH_COLUMNS = (*RANKING_COLUMNS, FLIPPED, "nudged")


def attach(data: str | bytes, media_type: str, file_name: str) -> Response:
    """Return a response that a browser saves under a name."""
    name = quote(safe_name(file_name))
    return Response(
        data, media_type=media_type, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    )


def ranking_csv(ranking: Ranking) -> str:
    """Return a ranking in the format of `crosslight search --csv`."""
    return _csv(RANKING_COLUMNS, ranking_rows(ranking))


def matches_csv(matches: Sequence[Match]) -> str:
    """Return matches in the columns of a ranking, `flipped`, and `nudged`: whether a person moved them."""
    rows = [(*ranking_rows(to_ranking(m))[0], _say(m.flipped), _say(m.nudged)) for m in matches]
    return _csv(MATCH_COLUMNS, rows)


def matches_geojson(matches: Sequence[Match]) -> str:
    """Return the windows of matches as `crosslight search --geojson` writes them; none gives an empty collection."""
    outlines = find_outlines([to_ranking(m) for m in matches]) if matches else []
    return json.dumps(to_collection(outlines), ensure_ascii=False, indent=1)


def matches_zip(
    matches: Sequence[Match], cut: Callable[[Match], Image], load_query: Callable[[str], Image | None]
) -> bytes:
    """Return a ZIP with the table and, per match, the aligned crops.

    Parameters
    ----------
    matches : sequence of Match
    cut : callable
        From a match to what its query would show in the repository image.
    load_query : callable
        From a search to the query's pixels, or to None when they are not there any more.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("matches.csv", matches_csv(matches))
        for number, match in enumerate(matches, start=1):
            stem = f"{number:03d}_{safe_name(match.query)}"
            archive.writestr(f"{stem}_in_{safe_name(match.image)}.png", encode_png(to_rgb(cut(match))))
            query = load_query(match.search)
            if query is not None:
                archive.writestr(f"{stem}.png", encode_png(to_rgb(query)))
    return file.getvalue()


def placement_of(match: Match) -> Placement:
    """Return where a match lies."""
    return Placement(
        center_xy=(match.cx, match.cy),
        angle_deg=match.angle_deg,
        scale=match.scale,
        similarity=match.similarity,
        flipped=match.flipped,
    )


def to_ranking(match: Match) -> Ranking:
    """Return a match as a ranking of one hit, which all exports read."""
    place = placement_of(match)
    hit = Hit(
        image=match.image, rank=match.rank, similarity=match.similarity, confidence=match.confidence,
        placement=place, corners_xy=window_corners(place, match.height_px, match.width_px),
    )  # fmt: skip
    return Ranking(query=match.query, hits=[hit])


def _say(value: bool) -> str:
    return "true" if value else "false"


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
