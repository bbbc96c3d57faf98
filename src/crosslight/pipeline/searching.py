"""search: queries -> shortlist -> hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from crosslight.config import AlignConfig
from crosslight.encode.vocabulary import build_vocabulary
from crosslight.errors import ConfigError, InputError
from crosslight.geometry import query_to_repository, window_corners
from crosslight.pipeline.build import archive_key
from crosslight.rerank.align import Aligner, Candidate, Query, estimate_work
from crosslight.rerank.confidence import share_confidence
from crosslight.rerank.patches import rerank_patches
from crosslight.store.base import Where
from crosslight.types import Entry, Hit, Image, Modality, Placement, Progress, Ranking, Representation

if TYPE_CHECKING:
    from crosslight.pipeline.index import Index

RERANKS = ("align", "patches", "none")
WORK_PER_S = 5e7  # similarities of the coarse pass in a second on two cores
AUTO_SECONDS = 1.0  # "auto" aligns with everything while that takes about so long
AUTO_SHORTLIST = 100
AUTO_LISTED = 20_000  # beyond so many, "auto" does not even look at their sizes
PATCHES_SHORTLIST = 30  # the paper's


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What `Index.search` was asked for; see there."""

    modality: Modality
    top: int
    shortlist: int | str
    rerank: str
    align: AlignConfig
    min_confidence: float | None
    where: Where | None

    def __post_init__(self) -> None:
        if self.min_confidence is not None and not 0 < self.min_confidence < 1:
            raise ConfigError(f"min_confidence is {self.min_confidence}; use a share between 0 and 1, such as 0.9.")
        if self.rerank not in RERANKS:
            raise ConfigError(f"rerank is {self.rerank!r}; use one of {', '.join(RERANKS)}.")
        if self.min_confidence is not None and self.rerank != "align":
            raise ConfigError(
                f"min_confidence needs rerank 'align'; the confidence of {self.rerank!r} is not calibrated."
            )
        if isinstance(self.shortlist, str) and self.shortlist not in ("all", "auto"):
            raise ConfigError(f"shortlist is {self.shortlist!r}; give a number, 'all' or 'auto'.")
        if self.top < 1:
            raise ConfigError(f"top is {self.top}; ask for at least 1 hit.")


def read_scale(scale: float | str | tuple[float, float]) -> tuple[float, float]:
    """Return a range of scales: of 1.25, "0.8-1.25" or (0.8, 1.25); one number means so much larger or smaller."""
    try:
        parts = scale.replace(":", "-").split("-") if isinstance(scale, str) else scale
        numbers = tuple(map(float, parts)) if isinstance(parts, (list, tuple)) else (float(parts),)
        if len(numbers) == 1:
            (low, high) = sorted((numbers[0], 1 / numbers[0]))
        else:
            low, high = numbers
    except (ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"scale is {scale!r}; write 1.25 for up to so much larger or smaller, or a range such as 0.8-1.25."
        ) from error
    return low, high


def search_index(index: Index, images: Sequence[Image], settings: SearchSettings, progress: Progress) -> list[Ranking]:
    """Answer all queries; see `Index.search`."""
    n_images = index.store.count(settings.where)
    if n_images == 0:
        reason = "no image matches --where" if settings.where else "it holds no image"
        raise InputError(f"Nothing can be found in {index.folder}: {reason}; see `crosslight info`.")
    names = [image.name for image in images]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"Two queries are called {twice!r}; rename one, so that the answers can be told apart.")
    representer = index.model.representer(settings.modality)
    queries = []
    for done, image in enumerate(images):
        queries.append(
            Query(representation=representer.represent(image), height_px=image.height_px, width_px=image.width_px)
        )
        progress(done + 1, len(images), "representing")
    if settings.rerank == "align":
        return _search_aligned(index, images, queries, n_images, settings, progress)
    return [_search_words(index, i, q, n_images, settings) for i, q in zip(images, queries, strict=True)]


def _shortlist(index: Index, query: Query, n_hits: int, settings: SearchSettings) -> list[tuple[str, float]]:
    """Return the best images by histogram."""
    assert index.vocabulary is not None
    words = index.vocabulary.encode(index.describer.describe(query.representation))
    return list(index.store.search(index.vocabulary.weigh(words), n_hits, settings.where))


def _search_words(index: Index, image: Image, query: Query, n_images: int, settings: SearchSettings) -> Ranking:
    """Rank by histogram alone, or re-rank by the paper's patches."""
    patches = settings.rerank == "patches"
    wanted = PATCHES_SHORTLIST if patches else settings.top
    n_hits = settings.shortlist if isinstance(settings.shortlist, int) else wanted
    n_hits = n_images if settings.shortlist == "all" else n_hits
    found = _shortlist(index, query, max(n_hits, settings.top), settings)
    note = f"histograms of {n_images} images, not aligned"
    if patches:
        by_name = index.store.find([name for name, _ in found[:n_hits]])
        candidates = [(name, _load(index, by_name[name])) for name, _ in found[:n_hits] if name in by_name]
        config = index.manifest.config.patches
        best = rerank_patches(
            query.representation, candidates, index.describer, partial(build_vocabulary, config=config)
        )
        found = [*best, *found[n_hits:]]
        note = f"best {len(candidates)} of {n_images} images by histogram, re-ranked by patches"
    return _ranking(index, image, [(name, similarity, None) for name, similarity in found], note, settings)


def _search_aligned(
    index: Index, images: Sequence[Image], queries: Sequence[Query], n_images: int,
    settings: SearchSettings, progress: Progress,
) -> list[Ranking]:  # fmt: skip
    config = settings.align
    known: dict[str, Entry] = {}
    aligner = Aligner(lambda name: _load(index, known[name]), config)
    n_hits = settings.shortlist if isinstance(settings.shortlist, int) else n_images
    if settings.shortlist == "auto" and n_images > AUTO_LISTED:
        n_hits = AUTO_SHORTLIST
    if n_hits >= n_images:
        known.update({e.name: e for e in index.store.entries(settings.where)})
        everything = list(map(_candidate, known.values()))
        if settings.shortlist != "auto" or _is_quick(queries, everything, config):
            note = f"aligned with all {n_images} images"
            placed = aligner.align(queries, everything, progress)
            return [
                _ranking(index, image, [(n, p.similarity, p) for n, p in hits], note, settings)
                for image, hits in zip(images, placed, strict=True)
            ]
        n_hits = AUTO_SHORTLIST
    note = f"aligned with the best {n_hits} of {n_images} images by histogram"
    rankings = []
    for done, (image, query) in enumerate(zip(images, queries, strict=True)):
        found = index.store.find([name for name, _ in _shortlist(index, query, n_hits, settings)])
        known.update(found)
        hits = aligner.align([query], list(map(_candidate, found.values())))[0] if found else []
        rankings.append(_ranking(index, image, [(n, p.similarity, p) for n, p in hits], note, settings))
        progress(done + 1, len(images), "aligning")
    return rankings


def _candidate(entry: Entry) -> Candidate:
    return Candidate(name=entry.name, height_px=entry.height_px, width_px=entry.width_px)


def _is_quick(queries: Sequence[Query], candidates: Sequence[Candidate], config: AlignConfig) -> bool:
    """Tell whether aligning a query with all candidates takes about a second at most."""
    work = max(estimate_work(query, candidates, config) for query in queries)
    return work <= WORK_PER_S * AUTO_SECONDS or len(candidates) <= AUTO_SHORTLIST


def _load(index: Index, entry: Entry) -> Representation:
    return index.archive.representation(archive_key(entry))


def _ranking(
    index: Index, image: Image, found: Sequence[tuple[str, float, Placement | None]], note: str,
    settings: SearchSettings,
) -> Ranking:  # fmt: skip
    """Put numbers, confidences and corners to what was found."""
    confidences = share_confidence([similarity for _, similarity, _ in found], index.calibration())
    hits = [
        Hit(
            image=name,
            rank=rank,
            similarity=similarity,
            confidence=confidence,
            placement=place,
            corners_xy=None if place is None else window_corners(place, image.height_px, image.width_px),
            matrix=None if place is None else query_to_repository(place, image.height_px, image.width_px),
        )
        for rank, ((name, similarity, place), confidence) in enumerate(zip(found, confidences, strict=True), start=1)
    ]
    enough = settings.min_confidence
    return Ranking(
        query=image.name, hits=hits[: settings.top], note=note, query_image=image, modality=settings.modality,
        found=None if enough is None else bool(hits) and hits[0].confidence >= enough,
    )  # fmt: skip
