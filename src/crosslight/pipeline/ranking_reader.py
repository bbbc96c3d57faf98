"""Rankings read back from the CSV and JSON lines of the command line."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosslight.errors import InputError, say_cause
from crosslight.geometry import query_to_repository, window_corners
from crosslight.pipeline.ranking import FLIPPED, FOUND, RANKING_COLUMNS
from crosslight.read.image import list_images, read_image
from crosslight.types import Hit, Image, Placement, Ranking

PLACE_COLUMNS = RANKING_COLUMNS[5:]
EXPECTED = f"a ranking is a CSV with the columns {','.join(RANKING_COLUMNS)}, or JSON lines with these names"


def read_rankings(path: Path | str) -> list[Ranking]:
    """Read rankings back from the CSV or the JSON lines that `crosslight search` writes.

    Parameters
    ----------
    path : Path
        CSV with `RANKING_COLUMNS` (others are passed over), or one JSON object per line with the same names.

    Returns
    -------
    rankings : list of Ranking
        In the order in which their queries first occur, the hits by rank. Their query images and corners are None;
        see `attach_queries`.

    Raises
    ------
    InputError
        If the file is missing or no ranking, naming the line.
    """
    path = Path(path)
    hits: dict[str, list[Hit]] = {}
    found: dict[str, bool | None] = {}
    for line, row in _read_rows(path):
        try:
            query, hit = _read_hit(row)
            found[query] = _read_truth(row, FOUND)
        except (KeyError, TypeError, ValueError) as error:
            what = f"has no {error}" if isinstance(error, KeyError) else f"cannot be read ({error})"
            raise InputError(f"Line {line} of the ranking {path} {what}; {EXPECTED}.") from error
        if any(other.rank == hit.rank for other in hits.get(query, ())):
            raise InputError(f"Line {line} of the ranking {path} gives {query!r} a second hit of rank {hit.rank}.")
        hits.setdefault(query, []).append(hit)
    if not hits:
        raise InputError(f"The ranking {path} holds no hit; {EXPECTED}.")
    return [
        Ranking(query=query, hits=sorted(own, key=lambda h: h.rank), found=found[query]) for query, own in hits.items()
    ]


def attach_queries(rankings: Sequence[Ranking], queries: Sequence[Path | str]) -> list[Ranking]:
    """Give rankings that were read from a file their query images and the corners of their windows.

    Parameters
    ----------
    rankings : sequence of Ranking
        As `read_rankings` returns them.
    queries : sequence of Path
        Image files or folders of them; those that no ranking names are not opened.

    Raises
    ------
    InputError
        If the image of a query is missing or unreadable.
    """
    wanted = {ranking.query for ranking in rankings}
    images = {p.stem: p for p in list_images(queries) if p.stem in wanted}
    for ranking in rankings:
        if ranking.query not in images:
            where = ", ".join(map(str, queries))
            raise InputError(f"No image called {ranking.query!r}, which the ranking asks with, is in {where}.")
    return [_attach(ranking, read_image(images[ranking.query])) for ranking in rankings]


def _attach(ranking: Ranking, image: Image) -> Ranking:
    hits = [
        hit
        if hit.placement is None
        else replace(
            hit,
            corners_xy=window_corners(hit.placement, image.height_px, image.width_px),
            matrix=query_to_repository(hit.placement, image.height_px, image.width_px),
        )
        for hit in ranking.hits
    ]
    return replace(ranking, hits=hits, query_image=image)


def _read_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the number and the named cells of every line that holds a hit."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            f"The ranking {path} does not exist; `crosslight search ... --csv FILE` writes one."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The ranking {path} cannot be read ({say_cause(error)}); {EXPECTED}.") from error
    if text.lstrip().startswith("{"):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield number, _read_object(path, number, line)
        return
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        missing = [name for name in RANKING_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"The ranking {path} has no column {missing[0]!r}; {EXPECTED}.")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} of the ranking {path} is no CSV ({error}); {EXPECTED}.") from error


def _read_object(path: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"Line {number} of the ranking {path} is not JSON ({error}); {EXPECTED}.") from error
    if not isinstance(row, dict):
        raise InputError(f"Line {number} of the ranking {path} is not an object; {EXPECTED}.")
    return row


def _read_hit(row: Mapping[str, Any]) -> tuple[str, Hit]:
    query, image = row["query"], row["image"]
    if not isinstance(query, str) or not isinstance(image, str) or not query or not image:
        raise ValueError("the query or the image has no name")
    rank, similarity = int(row["rank"]), _number(row, "similarity")
    confidence = _number(row, "confidence")
    if rank < 1 or not 0 <= confidence <= 1:
        raise ValueError(f"rank is {rank} and confidence {confidence}; ranks begin at 1, confidence lies in 0 to 1")
    return query, Hit(
        image=image, rank=rank, similarity=similarity, confidence=confidence, placement=_read_place(row, similarity)
    )


def _read_place(row: Mapping[str, Any], similarity: float) -> Placement | None:
    if all(row[name] in (None, "") for name in PLACE_COLUMNS):
        return None
    cx, cy, angle, scale = (_number(row, name) for name in PLACE_COLUMNS)
    if scale <= 0:
        raise ValueError(f"scale is {scale}; it is above 0")
    flipped = bool(_read_truth(row, FLIPPED))
    return Placement(center_xy=(cx, cy), angle_deg=angle, scale=scale, similarity=similarity, flipped=flipped)


def _read_truth(row: Mapping[str, Any], name: str) -> bool | None:
    """Return true, false, or None where the column is not there or empty."""
    text = str(row[name]).lower() if row.get(name) not in (None, "") else ""
    if text not in ("true", "false", ""):
        raise ValueError(f"{name} is {row[name]!r}, not true or false")
    return None if text == "" else text == "true"


def _number(row: Mapping[str, Any], name: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is {row[name]!r}, not a number") from error
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}")
    return value
