"""Rankings as tables: the CSV and JSON of the command line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from crosslight.types import Ranking

RANKING_COLUMNS = ("query", "rank", "image", "similarity", "confidence", "cx", "cy", "angle_deg", "scale")


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


def write_ranking_csv(path: Path, rankings: Sequence[Ranking]) -> None:
    """Write rankings as UTF-8 CSV with a header, one row per hit, in one step."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(RANKING_COLUMNS)
        for ranking in rankings:
            writer.writerows(ranking_rows(ranking))
    temporary.replace(path)
