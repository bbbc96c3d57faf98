"""Rankings as tables: the CSV and JSON of the command line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosslight.types import Hit, Ranking

RANKING_COLUMNS = ("query", "rank", "image", "similarity", "confidence", "cx", "cy", "angle_deg", "scale")
MICROMETRES = ("cx_um", "cy_um")  # of the centre, where the repository's pixel size is known
FLIPPED, FOUND = "flipped", "found"  # columns that are there where they say something


def ranking_rows(ranking: Ranking) -> list[tuple[str | int | float | None, ...]]:
    """Return one row per hit in the order of `RANKING_COLUMNS`; places are None where the hits were not aligned."""
    rows: list[tuple[str | int | float | None, ...]] = []
    for hit in ranking.hits:
        place = hit.placement
        where: tuple[float | None, ...] = (None,) * 4
        if place is not None:
            numbers = (*place.center_xy, place.angle_deg)
            where = (*(round(v, 3) for v in numbers), round(place.scale, 5))
        rows.append((ranking.query, hit.rank, hit.image, round(hit.similarity, 6), round(hit.confidence, 6), *where))
    return rows


def ranking_records(ranking: Ranking) -> list[dict[str, Any]]:
    """Return one JSON object per hit: the columns, the 2 x 3 matrix, and what was asked for besides.

    `matrix` maps the query's (x, y, 1) to the repository's pixels; `flipped` says that the query lies there mirrored;
    `found` is there where a confidence was asked for, `cx_um` and `cy_um` where the image's pixel size is known.
    """
    records = []
    for row, hit in zip(ranking_rows(ranking), ranking.hits, strict=True):
        record: dict[str, Any] = dict(zip(RANKING_COLUMNS, row, strict=True))
        if hit.center_um is not None:
            record.update(zip(MICROMETRES, (round(v, 4) for v in hit.center_um), strict=True))
        if hit.placement is not None:
            record[FLIPPED] = hit.placement.flipped
        if hit.matrix is not None:
            record["matrix"] = [[round(float(v), 6) for v in line] for line in hit.matrix]
        if ranking.found is not None:
            record[FOUND] = ranking.found
        records.append(record)
    return records


def write_ranking_csv(path: Path, rankings: Sequence[Ranking]) -> None:
    """Write rankings as UTF-8 CSV with a header, one row per hit, in one step.

    A column `flipped` is added where a hit is mirrored, and `found` where a confidence was asked for: true or false;
    `cx_um` and `cy_um` where an image's pixel size is known.
    """
    extra = []
    if any(_is_flipped(hit) for ranking in rankings for hit in ranking.hits):
        extra.append(FLIPPED)
    if any(ranking.found is not None for ranking in rankings):
        extra.append(FOUND)
    if any(hit.center_um is not None for ranking in rankings for hit in ranking.hits):
        extra += MICROMETRES
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*RANKING_COLUMNS, *extra])
        for ranking in rankings:
            for row, hit in zip(ranking_rows(ranking), ranking.hits, strict=True):
                center = hit.center_um or (None, None)
                in_um = {name: None if v is None else round(v, 4) for name, v in zip(MICROMETRES, center, strict=True)}
                said = {**in_um, FLIPPED: str(_is_flipped(hit)).lower(), FOUND: str(bool(ranking.found)).lower()}
                writer.writerow([*row, *(said[name] for name in extra)])
    temporary.replace(path)


def _is_flipped(hit: Hit) -> bool:
    return hit.placement is not None and hit.placement.flipped
