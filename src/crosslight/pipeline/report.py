"""report: rankings, and where they are to be had the index and the queries -> one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from crosslight.errors import IndexCorruptError, InputError
from crosslight.geometry import query_to_repository
from crosslight.pipeline.slide_views import show_places
from crosslight.progress import silent
from crosslight.read.image import read_image
from crosslight.show.comparison import Comparison, compare, compare_representations
from crosslight.show.hits import mark_hit
from crosslight.show.ranking_page import Answer, write_ranking_page
from crosslight.show.raster import Rgb, make_thumbnail, to_rgb
from crosslight.types import Entry, Hit, Image, Progress, Ranking

if TYPE_CHECKING:
    from crosslight.pipeline.index import Index

PANEL_PX, TILE_PX = 520, 320


def write_report(
    path: Path | str, rankings: Sequence[Ranking], *, index: Index | None = None, n_hits: int = 5, title: str = "",
    progress: Progress = silent,
) -> None:  # fmt: skip
    """Write rankings as one HTML page that holds everything it shows.

    Parameters
    ----------
    path : Path
        The HTML file.
    rankings : sequence of Ranking
        From `Index.search`, or read from a file; without their query images (`attach_queries`) only places are shown.
    index : Index, optional
        What was searched: for the pictures of the hits.
    n_hits : int
        How many hits of each query to show as pictures; the table has all.
    title : str
        Heading of the page; by default what was asked.

    Raises
    ------
    InputError
        If there is no hit at all, or an image of the rankings is not in the index.
    """
    answered = [ranking for ranking in rankings if ranking.hits]
    if not answered:
        raise InputError("There is no hit to report; search with other settings first.")
    entries = {} if index is None else _find_entries(index, answered)
    if not title:
        title = f"Where is {answered[0].query}?" if len(answered) == 1 else "Where do they lie?"
    facts = _say_facts(index) if index is not None else ""

    def look() -> Iterator[Answer]:
        for done, ranking in enumerate(answered, start=1):
            yield _answer(ranking, index, entries, n_hits)
            progress(done, len(answered), "reporting")

    write_ranking_page(Path(path), answered, look(), title=title, facts=facts)


def _find_entries(index: Index, rankings: Sequence[Ranking]) -> dict[str, Entry]:
    """Return what the index knows of every image; raises InputError where a ranking names another."""
    entries = {entry.name: entry for entry in index.entries()}
    for ranking in rankings:
        for hit in ranking.hits:
            if hit.image not in entries:
                raise InputError(
                    f"The ranking of {ranking.query!r} names the image {hit.image!r}, which is not in {index.folder}; "
                    "give the index that was searched."
                )
    return entries


def _say_facts(index: Index) -> str:
    facts = index.info()
    return f"Repository: {facts['images']} images of kind {facts['modality']}; model {facts['model']}."


def _answer(ranking: Ranking, index: Index | None, entries: Mapping[str, Entry], n_hits: int) -> Answer:
    """Return what the page shows of one ranking."""
    query = ranking.query_image
    thumbnail = None if query is None else make_thumbnail(query, PANEL_PX)
    if index is None:
        return Answer(ranking=ranking, query=thumbnail)
    tiles = [_tile(index, entries[hit.image], hit) for hit in ranking.hits[:n_hits]]
    if query is None or ranking.hits[0].placement is None:
        return Answer(ranking=ranking, query=thumbnail, tiles=tiles)
    comparison, seen, note = _compare(index, query, ranking)
    return Answer(ranking=ranking, query=thumbnail, comparison=comparison, representations=seen, tiles=tiles, note=note)


def _compare(index: Index, query: Image, ranking: Ranking) -> tuple[Comparison | None, Comparison | None, str]:
    """Compare at full resolution; an image whose file has moved is a note on the page, not the end of it.

    Returns
    -------
    images, representations : Comparison or None
        The query on the first hit, and the same of their representations.
    note : str
        What is missing and why; empty where nothing is.
    """
    try:
        shown, load, seen = show_places(index, ranking, 1)
        hit = shown.hits[0]
        image = load(hit.image)
    except InputError as error:
        return None, None, str(error)
    if hit.placement is None:
        return None, None, ""
    matrix = query_to_repository(hit.placement, query.height_px, query.width_px)
    representations = None if seen is None else compare_representations(*seen, matrix, PANEL_PX)
    return compare(to_rgb(query), image, matrix, PANEL_PX), representations, ""


def _tile(index: Index, entry: Entry, hit: Hit) -> Rgb | None:
    """Draw a hit on the thumbnail that the index keeps, if that can be read."""
    try:
        thumbnail = read_image(index.thumbnail_path(entry.name))
    except (InputError, IndexCorruptError):
        return None
    return mark_hit(to_rgb(thumbnail), (entry.height_px, entry.width_px), hit, TILE_PX)
