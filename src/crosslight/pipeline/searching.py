"""search: queries -> shortlist -> hits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from crosslight.config import AlignConfig
from crosslight.encode.vocabulary import build_vocabulary
from crosslight.errors import ConfigError, InputError
from crosslight.geometry import query_to_repository, window_corners
from crosslight.pipeline.asking import Asked, common_mpp
from crosslight.pipeline.build import archive_key
from crosslight.pipeline.looking import look_again, read_indexed, tell_unread
from crosslight.pipeline.shortlist import rank_by_discs
from crosslight.pipeline.slide_search import Found, SlideShelf
from crosslight.pipeline.unusable import Unusable
from crosslight.rerank.align import Aligner, Candidate, Query, estimate_work
from crosslight.rerank.confidence import share_confidence
from crosslight.rerank.patches import rerank_patches
from crosslight.rerank.threads import one_thread
from crosslight.store.base import Where
from crosslight.types import Entry, Histogram, Hit, Image, Modality, Placement, Progress, Ranking, Representation

if TYPE_CHECKING:
    from crosslight.pipeline.answers import IndexAnswers

RERANKS = ("align", "patches", "none")
WORK_PER_S = 5e7  # similarities of the coarse pass in a second on two cores
AUTO_SECONDS = 1.0  # "auto" aligns with everything while that takes about so long
AUTO_SHORTLIST = 100
MOST_LISTED = 20_000  # beyond so many images "auto" does not look at their sizes, and histograms choose these for discs
PATCHES_SHORTLIST = 30  # the paper's
N_NAMED = 5  # values of a column in a message

Answer = tuple[Sequence[Found], str]  # places, and how they were found


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
    second_look: bool = True

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


@one_thread()
def search_index(
    index: IndexAnswers, queries: Sequence[tuple[Image, str]], settings: SearchSettings, unanswered: Unusable,
    progress: Progress,
) -> list[Ranking]:  # fmt: skip
    """Answer all queries, given with what to call them; see `Index.search`."""
    n_images = index.store.count(settings.where)
    if n_images == 0:
        reason = (
            _say_unmet(index, settings.where) if settings.where else "it holds no image; `crosslight add` adds some"
        )
        raise InputError(f"Nothing can be found in {index.folder}: {reason}.")
    names = [image.name for image, _ in queries]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"Two queries are called {twice!r}; rename one, so that the answers can be told apart.")
    representer = index.model.representer(settings.modality)
    asked = [Asked(image, representer, label) for image, label in queries]
    asking = settings.modality if settings.second_look else None
    slides = SlideShelf(index, settings.where, settings.align, asking)
    if settings.rerank == "align":
        return _search_aligned(index, asked, slides, n_images, settings, unanswered, progress)
    rankings = []
    for one in asked:
        with unanswered.skip(one.image.name, one.label):
            rankings.append(_search_words(index, one, slides, n_images, settings))
    return rankings


def _say_unmet(index: IndexAnswers, where: Where) -> str:
    """Return why no image matches: an unknown column, or a value that none has."""
    columns: dict[str, set[str]] = {}
    for entry in index.store.entries():
        for key, value in entry.metadata.items():
            columns.setdefault(key, set()).add(str(value))
    for key in where:
        if key not in columns:
            there = f"the columns are {', '.join(sorted(columns))}" if columns else "none has any"
            return f"no image matches, since none has a column {key!r}; {there}"
    asked = ", ".join(f"{key}={value}" for key, value in where.items())
    values = "; ".join(f"{key} is {', '.join(sorted(columns[key])[:N_NAMED])}" for key in where)
    return f"no image matches {asked}; in this index {values}"


def _weigh_words(index: IndexAnswers, query: Query) -> Histogram:
    """Return the weighted histogram of a query."""
    assert index.vocabulary is not None
    return index.vocabulary.weigh(index.vocabulary.encode(index.describer.describe(query.representation)))


def _shortlist(index: IndexAnswers, query: Query, n_hits: int, settings: SearchSettings) -> list[tuple[str, float]]:
    """Return the best images by histogram."""
    return list(index.store.search(_weigh_words(index, query), n_hits, settings.where))


def _search_words(
    index: IndexAnswers, asked: Asked, slides: SlideShelf, n_images: int, settings: SearchSettings
) -> Ranking:
    """Rank by histogram alone, or re-rank by the paper's patches."""
    patches = settings.rerank == "patches"
    wanted = PATCHES_SHORTLIST if patches else settings.top
    n_hits = settings.shortlist if isinstance(settings.shortlist, int) else wanted
    n_hits = n_images if settings.shortlist == "all" else n_hits
    query = asked.at(None)
    found = _shortlist(index, query, max(n_hits, settings.top), settings)
    note = f"histograms of {n_images} images, not aligned"
    if patches:
        if slides.entries:
            raise ConfigError("Re-ranking by patches is for images, and large images are in the index; use align.")
        by_name = index.store.find([name for name, _ in found[:n_hits]])
        candidates = [(name, _load(index, by_name[name])) for name, _ in found[:n_hits] if name in by_name]
        config = index.manifest.config.patches
        best = rerank_patches(
            query.representation, candidates, index.describer, partial(build_vocabulary, config=config)
        )
        found = [*best, *found[n_hits:]]
        note = f"best {len(candidates)} of {n_images} images by histogram, re-ranked by patches"
    found = sorted([*found, *slides.rank(asked, max(n_hits, settings.top))], key=lambda hit: (-hit[1], hit[0]))
    return _ranking(index, asked.image, [(name, similarity, None) for name, similarity in found], note, settings)


def _search_aligned(
    index: IndexAnswers, asked: Sequence[Asked], slides: SlideShelf, n_images: int, settings: SearchSettings,
    unanswered: Unusable, progress: Progress,
) -> list[Ranking]:  # fmt: skip
    """Align with the images, search the large ones, and put both in one order."""
    n_single = n_images - len(slides.entries)
    # What is too large for the images may be found in a slide.
    unfit = Unusable(lambda *_: None) if slides.entries else unanswered
    answers = _align_images(index, asked, n_single, settings, unfit, progress) if n_single else {}
    rankings = []
    for done, one in enumerate(asked):
        with unanswered.skip(one.image.name, one.label):
            answer = answers.get(one.image.name)
            if slides.entries:
                answer = _add_slides(one, answer or ([], ""), slides, settings)
            if answer is not None:
                found, note = answer
                rankings.append(_ranking(index, one.image, [(n, p.similarity, p) for n, p in found], note, settings))
        if slides.entries:
            progress(done + 1, len(asked), "searching slides")
    return rankings


def _add_slides(one: Asked, answer: Answer, slides: SlideShelf, settings: SearchSettings) -> Answer:
    """Put what the slides hold into the order; raises InputError where the query fits into nothing."""
    found, note = answer
    places, told = slides.search(one, settings.shortlist, settings.top)
    if not (found or places):
        raise one.misfit(len(slides.entries), "slide")
    return sorted([*found, *places], key=lambda item: -item[1].similarity), f"{note}, {told}" if note else told


def _align_images(
    index: IndexAnswers, asked: Sequence[Asked], n_images: int, settings: SearchSettings, unfit: Unusable,
    progress: Progress,
) -> dict[str, Answer]:  # fmt: skip
    """Return, by query, its aligned places in images that are no slides, best first.

    `unfit` is told of those that cannot be used or fit into none.
    """
    shortlist, known = settings.shortlist, dict[str, Entry]()
    read = read_indexed(known.__getitem__)
    look = look_again(index.model, settings.modality, index.manifest.modality, read) if settings.second_look else None
    aligner = Aligner(lambda name: _load(index, known[name]), settings.align, look)
    most = shortlist if isinstance(shortlist, int) else MOST_LISTED if shortlist == "auto" else n_images
    if n_images <= most or (index.disc_codes is not None and n_images <= MOST_LISTED):
        known.update({e.name: e for e in index.store.entries(settings.where) if e.kind == "image"})
    mpp, everything = common_mpp(list(known.values())), list(map(_candidate, known.values()))
    queries = _represent(asked, mpp, unfit, progress)
    answers: dict[str, Answer] = {}

    def keep(one: Asked, hits: Sequence[Found], n_tried: int, note: str) -> None:
        with unfit.skip(one.image.name, one.label):
            if n_tried and not hits:
                raise one.misfit(n_tried, "image")
            places = [(name, one.in_its_pixels(place, mpp)) for name, place in hits]
            answers[one.image.name] = places, f"{note}{tell_unread(look)}"

    if n_images <= most and (shortlist != "auto" or _is_quick([q for _, q in queries], everything, settings.align)):
        note = "aligned with the only image" if n_images == 1 else f"aligned with all {n_images} images"
        placed = aligner.align([query for _, query in queries], everything, progress)
        for (one, _), hits in zip(queries, placed, strict=True):
            keep(one, hits, n_images, note)
        return answers
    n_hits = shortlist if isinstance(shortlist, int) else AUTO_SHORTLIST
    by = "histogram" if index.disc_codes is None else "discs" if known else "histogram and discs"
    note = f"aligned with the best {n_hits} of {n_images} images by {by}"
    chosen = _choose(index, [query for _, query in queries], known, n_hits, settings, progress)
    for done, ((one, query), found) in enumerate(zip(queries, chosen, strict=True)):
        known.update({e.name: e for e in found})
        hits = aligner.align([query], list(map(_candidate, found)))[0] if found else []
        keep(one, hits, len(found), note)
        progress(done + 1, len(queries), "aligning")
    return answers


def _choose(
    index: IndexAnswers, queries: Sequence[Query], known: Mapping[str, Entry], n_hits: int, settings: SearchSettings,
    progress: Progress,
) -> Iterator[Sequence[Entry]]:  # fmt: skip
    """Yield for each query the images to align with, the best by their discs of those `known`.

    Where these are not known, histograms say which come into question; where the index has no discs, that is all.
    """
    if known and index.disc_codes is not None:
        yield from _best_by_discs(index, queries, list(known.values()), n_hits, settings, progress)
        return
    for query in queries:
        words = _shortlist(index, query, n_hits if index.disc_codes is None else MOST_LISTED, settings)
        entries = list(index.store.find([name for name, _ in words]).values())
        if index.disc_codes is not None:
            (entries,) = _best_by_discs(index, [query], entries, n_hits, settings, progress)
        yield entries


def _best_by_discs(
    index: IndexAnswers, queries: Sequence[Query], entries: Sequence[Entry], n_hits: int, settings: SearchSettings,
    progress: Progress,
) -> list[list[Entry]]:  # fmt: skip
    assert index.disc_codes is not None
    keys = list(map(archive_key, entries))
    ranked = rank_by_discs(queries, keys, index.disc_shelf, index.disc_codes, settings.align, progress)
    return [[entries[i] for i in order[:n_hits]] for order in ranked]


def _represent(
    asked: Sequence[Asked], mpp: float | None, unfit: Unusable, progress: Progress
) -> list[tuple[Asked, Query]]:
    """Return the queries that can be used at a pixel size."""
    queries = []
    for done, one in enumerate(asked):
        with unfit.skip(one.image.name, one.label):
            queries.append((one, one.at(mpp)))
        progress(done + 1, len(asked), "representing")
    return queries


def _candidate(entry: Entry) -> Candidate:
    return Candidate(name=entry.name, height_px=entry.height_px, width_px=entry.width_px)


def _is_quick(queries: Sequence[Query], candidates: Sequence[Candidate], config: AlignConfig) -> bool:
    """Tell whether aligning a query with all candidates takes about a second at most."""
    work = max((estimate_work(query, candidates, config) for query in queries), default=0)
    return work <= WORK_PER_S * AUTO_SECONDS or len(candidates) <= AUTO_SHORTLIST


def _load(index: IndexAnswers, entry: Entry) -> Representation:
    return index.archive.representation(archive_key(entry))


def _ranking(
    index: IndexAnswers, image: Image, found: Sequence[tuple[str, float, Placement | None]], note: str,
    settings: SearchSettings,
) -> Ranking:  # fmt: skip
    """Put numbers, confidences and corners to what was found."""
    confidences = share_confidence([similarity for _, similarity, _ in found], index.calibration())
    known = index.store.find(list(dict.fromkeys(name for name, _, _ in found[: settings.top])))
    hits = [
        Hit(
            image=name,
            rank=rank,
            similarity=similarity,
            confidence=confidence,
            placement=place,
            corners_xy=None if place is None else window_corners(place, image.height_px, image.width_px),
            matrix=None if place is None else query_to_repository(place, image.height_px, image.width_px),
            mpp=known[name].mpp if name in known else None,
        )
        for rank, ((name, similarity, place), confidence) in enumerate(zip(found, confidences, strict=True), start=1)
    ]
    enough = settings.min_confidence
    return Ranking(
        query=image.name, hits=hits[: settings.top], note=note, query_image=image, modality=settings.modality,
        found=None if enough is None else bool(hits) and hits[0].confidence >= enough,
    )  # fmt: skip
