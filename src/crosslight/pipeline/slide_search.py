"""search, for large images: pieces of the coarse representation -> the best places -> exact alignment there.

A query is aligned with pieces that overlap by its own reach, so that every place where it could lie is whole in one of
them. The pieces are read at a coarse resolution only, the finer one of two where that takes little work; around the
best places a small part is then read at full resolution and aligned exactly. Where even the coarser one is too much
work, a glance at twice as coarse a resolution chooses the pieces; where that is, the histograms of windows do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import TYPE_CHECKING

from crosslight.config import AlignConfig
from crosslight.pipeline.asking import Asked, group_by_pixel_size
from crosslight.pipeline.looking import look_again, require_unchanged, tell_unread
from crosslight.read.rescale import RescaledSource
from crosslight.rerank.align import Aligner, Candidate, Query, estimate_work, plan_query
from crosslight.rerank.scan import Scanner
from crosslight.rerank.threads import count_processors, one_thread
from crosslight.store.base import Where
from crosslight.types import Entry, Image, Modality, Placement, Representation

if TYPE_CHECKING:
    from crosslight.pipeline.images import IndexImages

CORE_CELLS, CORE_REACHES = 100, 1.5  # side of a piece without its overlap: about so many cells, or reaches of the query
COARSE_CELLS = 15  # of the coarse pass on a query's short side, fewer than for images: slides are large
BLOCK_REACHES = 2.0  # side of the squares of a piece that have peaks of their own
MIN_CORE_PX = 512
SPOT_MARGIN = 0.15  # of the query's reach, around a place that is aligned exactly
SAME_PLACE = 0.25  # of the query's short side: closer answers are one
N_SPOTS = 60  # places that are aligned exactly
PEAKS_PER_SPOT = 10  # of the coarse pass, looked at to find so many
MAX_STARTS = 3  # angles at which each of them is
WINDOWS_PER_SLIDE = 20  # looked at by histogram, for each slide that is asked for
CHUNK_VALUES = 2**22  # similarities held at once, some 100 MB with all that belongs to them
SPECTRA_BYTES = 2**27  # of pieces, kept from one query to the next
MAX_THREADS, SHARED_WORK = 4, 5e7  # similarities from which on threads share them
FINE_WORK = 1e8  # similarities: pieces are looked at more finely while there are no more, below 1 s of one core
AUTO_WORK = 6e8  # similarities: "auto" aligns with all pieces while there are no more, about 4 s of one core
GLANCE_WORK = 1e9  # similarities of a glance at all pieces, each about half as much work

Found = tuple[str, Placement]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a slide, in pixels that the network saw."""

    slide: str
    top: int
    left: int
    height: int
    width: int

    @property
    def name(self) -> str:
        """A name of its own among all pieces."""
        return f"{self.slide}\n{self.top},{self.left},{self.height},{self.width}"

    def candidate(self) -> Candidate:
        """Return what the aligner needs to know."""
        return Candidate(name=self.name, height_px=self.height, width_px=self.width)


class SlideSearch:
    """Searches large images; queries of one size share the work on the slides.

    `asking` is the queries' modality; None leaves out the second look.
    """

    def __init__(
        self, index: IndexImages, slides: Sequence[Entry], config: AlignConfig, asking: Modality | None = None
    ) -> None:
        self.index = index
        self.config = replace(config, coarse_cells=COARSE_CELLS, halved=True)  # as the levels of a slide
        self.slides = {entry.name: entry for entry in slides}
        self.fine = replace(self.config, coarse_cells=config.fine_cells)
        self.glancing = replace(self.config, coarse_cells=COARSE_CELLS // 2)
        self._coarse: dict[tuple[int, int], Scanner] = {}  # by cell and thread
        self._pieces: dict[str, Piece] = {}
        self._look = (
            None if asking is None else look_again(index.model, asking, index.manifest.modality, self._read_pixels)
        )

    def search(self, query: Query, pieces: Sequence[Piece], config: AlignConfig, n_hits: int = N_SPOTS) -> list[Found]:
        """Return the best places of a query in some pieces, best first, in pixels of level 0.

        Parameters
        ----------
        query : Query
            At the slides' pixel size.
        pieces : sequence of Piece
            Where to look: `pieces`, `glance` or `around`; at least one.
        config : AlignConfig
            How: `config` or `fine`.
        n_hits : int
            How many places to look at closely.

        Returns
        -------
        found : list of (slide, Placement)
            No two of one slide lie in the same place. Empty where the query fits into no piece.
        """
        spots = self._find_spots(query, pieces, config, max(n_hits, N_SPOTS))
        aligner = Aligner(self._loader(0), replace(config, n_candidates=max(1, len(spots))), self._look)
        placed = aligner.finish(query, spots) if spots else []
        return [(name, self._to_level_0(name, place)) for name, place in self._place(placed, query)]

    def work(self, query: Query, pieces: Sequence[Piece], config: AlignConfig) -> float:
        """Return roughly how many similarities looking at pieces takes."""
        return estimate_work(query, [piece.candidate() for piece in pieces], config)

    def glance(self, query: Query, pieces: Sequence[Piece], n_pieces: int) -> list[Piece]:
        """Return the pieces that look best from twice as far."""
        found = self._scan(query, pieces, self.glancing)
        best = sorted(found, key=lambda name: (-found[name][0].similarity, name))
        return [self._pieces[name] for name in best[:n_pieces]]

    def pieces(self, query: Query, config: AlignConfig) -> list[Piece]:
        """Return pieces of about equal size that cover all slides and overlap by the query's reach."""
        reach, cell = self._reach(query), plan_query(query, self.glancing).coarse_px
        most = max(MIN_CORE_PX, CORE_REACHES * reach, CORE_CELLS * plan_query(query, config).coarse_px)
        pieces = []
        for name in self.slides:
            size = self._size(name)
            rows, cols = (_round_up(n / math.ceil(n / most), cell) for n in size)
            for top in range(0, size[0], rows):
                for left in range(0, size[1], cols):
                    pieces.append(self._piece(name, (top, left, top + rows, left + cols), reach, cell))
        return [piece for piece in pieces if not self._is_empty(piece)]

    def around(self, query: Query, windows: Sequence[Entry]) -> list[Piece]:
        """Return the pieces that hold all places of a query whose centre lies in one of some windows."""
        reach, cell = self._reach(query), plan_query(query, self.config).coarse_px
        pieces = []
        for w in windows:
            r = self.slides[w.slide].reduction
            box = (w.top_px / r, w.left_px / r, (w.top_px + w.height_px) / r, (w.left_px + w.width_px) / r)
            pieces.append(self._piece(w.slide, box, reach, cell))
        return pieces

    def _reach(self, query: Query) -> float:
        """Return the diameter of the circle that holds the query at any angle and scale."""
        return math.hypot(query.height_px, query.width_px) * self.config.scale[1]

    def _size(self, name: str) -> tuple[int, int]:
        shape = self.index.pyramids.shape(self._key(name))
        return shape.height * shape.stride, shape.width * shape.stride

    def _piece(self, name: str, box: tuple[float, float, float, float], reach: float, cell: int) -> Piece:
        """Return a box (top, left, bottom, right) with half a reach around it, on whole cells inside the slide."""
        height, width = self._size(name)
        top, left = (max(0, int((n - reach / 2) // cell) * cell) for n in box[:2])
        bottom = min(height, _round_up(box[2] + reach / 2, cell))
        right = min(width, _round_up(box[3] + reach / 2, cell))
        piece = Piece(slide=name, top=top, left=left, height=bottom - top, width=right - left)
        self._pieces[piece.name] = piece
        return piece

    def _is_empty(self, piece: Piece) -> bool:
        """Tell whether a piece shows background only."""
        shape = self.index.pyramids.shape(self._key(piece.slide))
        side = shape.tile * shape.stride
        rows = range(piece.top // side, -(-(piece.top + piece.height) // side))
        cols = range(piece.left // side, -(-(piece.left + piece.width) // side))
        return bool(shape.empty) and all((r, c) in shape.empty_tiles for r in rows for c in cols)

    def _find_spots(
        self, query: Query, pieces: Sequence[Piece], config: AlignConfig, n_spots: int
    ) -> dict[str, list[Placement]]:
        """Return small parts around the places that look best on coarse cells, and how the query lies in each."""
        cell, stride = plan_query(query, config).coarse_px, query.representation.stride
        peaks = self._scan(query, pieces, config)
        found = [(self._pieces[n].slide, _shift(p, self._pieces[n])) for n, places in peaks.items() for p in places]
        best = nlargest(PEAKS_PER_SPOT * n_spots, found, key=lambda item: item[1].similarity)
        half = self._reach(query) * (0.5 + SPOT_MARGIN) + 2 * cell
        spots = {}
        for name, places in group_places(best, query)[:n_spots]:
            x, y = places[0].center_xy
            spot = self._piece(name, (y - half, x - half, y + half, x + half), 0.0, stride)
            spots[spot.name] = [_shift(place, spot, -1) for place in places[:MAX_STARTS]]
        return spots

    @one_thread()
    def _scan(self, query: Query, pieces: Sequence[Piece], config: AlignConfig) -> dict[str, list[Placement]]:
        """Return the best places in each piece, as one level of the slides shows them.

        Much work is shared out over threads, each of which computes by itself.
        """
        n = min(MAX_THREADS, count_processors()) if self.work(query, pieces, config) > SHARED_WORK else 1
        scanners = [self._scanner(query, config, number) for number in range(n)]
        candidates = [piece.candidate() for piece in pieces]
        if n == 1:
            return scanners[0].scan_large(query, candidates)
        with ThreadPoolExecutor(n) as pool:
            parts = pool.map(lambda k: scanners[k].scan_large(query, candidates[k::n]), range(n))
            return {name: places for part in parts for name, places in part.items()}

    def _scanner(self, query: Query, config: AlignConfig, number: int) -> Scanner:
        """Return what looks at pieces in one of several threads."""
        cell, stride = plan_query(query, config).coarse_px, query.representation.stride
        if (cell, number) not in self._coarse:
            self._coarse[cell, number] = Scanner(
                self._loader(int(math.log2(cell // stride))), config, chunk_values=CHUNK_VALUES,
                spectra_bytes=SPECTRA_BYTES, block_px=round(BLOCK_REACHES * self._reach(query)),
            )  # fmt: skip
        return self._coarse[cell, number]

    def _place(self, placed: Sequence[Found], query: Query) -> list[Found]:
        """Return the distinct places in the slides that places in pieces are, best first."""
        found = [(self._pieces[name].slide, _shift(place, self._pieces[name])) for name, place in placed]
        return [(name, places[0]) for name, places in group_places(found, query)]

    def _loader(self, level: int) -> Callable[[str], Representation]:
        """Return what reads a piece from one level of its slide, or from the coarsest there is."""

        def load(name: str) -> Representation:
            piece = self._pieces[name]
            key = self._key(piece.slide)
            shape = self.index.pyramids.shape(key)
            chosen = min(level, shape.n_levels - 1)
            stride = shape.stride * 2**chosen
            region = (piece.top // stride, piece.left // stride, -(-piece.height // stride), -(-piece.width // stride))
            return self.index.pyramids.region(key, chosen, *region)

        return load

    def _read_pixels(self, name: str) -> Image:
        """Return a piece as the network saw it; raises InputError where the slide's file cannot be read."""
        piece = self._pieces[name]
        require_unchanged(self.slides[piece.slide])
        view = RescaledSource(self.index.source(piece.slide), self.slides[piece.slide].reduction)
        return Image(pixels=view.read(piece.top, piece.left, piece.height, piece.width), name=name)

    def tell_unread(self) -> str:
        """Return what to add to a note where slides could not be looked at again."""
        return tell_unread(self._look, lambda name: self._pieces[name].slide)

    def _key(self, name: str) -> str:
        return f"{name}|{self.slides[name].signature}"

    def _to_level_0(self, name: str, place: Placement) -> Placement:
        reduction = self.slides[name].reduction
        x, y = ((v + 0.5) * reduction - 0.5 for v in place.center_xy)
        return replace(place, center_xy=(x, y), scale=place.scale * reduction)


class SlideShelf:
    """The large images of an index, in groups of equal pixel size."""

    def __init__(
        self, index: IndexImages, where: Where | None, config: AlignConfig, asking: Modality | None = None
    ) -> None:
        self.index, self.where, self.config = index, where, config
        self.entries = index.slides(where)
        self._groups = [
            (mpp, SlideSearch(index, group, config, asking)) for mpp, group in group_by_pixel_size(self.entries)
        ]

    def search(self, asked: Asked, shortlist: int | str, top: int) -> tuple[list[Found], str]:
        """Return the best places of a query, in level-0 pixels per pixel of it, and how they were found.

        No place where it fits into no slide.
        """
        found: list[Found] = []
        told: dict[str, None] = {}
        for mpp, group in self._groups:
            query = asked.at(mpp, plain=True)
            pieces, config, how = self._choose_pieces(group, query, shortlist)
            places = group.search(query, pieces, config, top)
            told[how + group.tell_unread()] = None
            found += [(name, asked.in_its_pixels(place, mpp)) for name, place in places]
        slides = f"{len(self.entries)} slide{'s' * (len(self.entries) > 1)}"
        return sorted(found, key=lambda item: -item[1].similarity), f"searched {slides} {' and '.join(told)}"

    def rank(self, asked: Asked, n_hits: int) -> list[tuple[str, float]]:
        """Return slides by the histogram of their best window."""
        best: dict[str, float] = {}
        for mpp, group in self._groups:
            for entry, similarity in self._search_windows(group, asked.at(mpp, plain=True), n_hits * WINDOWS_PER_SLIDE):
                best[entry.slide] = max(best.get(entry.slide, 0.0), similarity)
        return sorted(best.items(), key=lambda item: (-item[1], item[0]))[:n_hits]

    def _choose_pieces(
        self, group: SlideSearch, query: Query, shortlist: int | str
    ) -> tuple[list[Piece], AlignConfig, str]:
        """Return where to look, how closely, and how that was chosen."""
        if not isinstance(shortlist, str):
            return self._by_histogram(group, query, shortlist)
        fine = group.pieces(query, group.fine)
        if group.work(query, fine, group.fine) <= FINE_WORK:
            return fine, group.fine, "whole"
        pieces = group.pieces(query, group.config)
        work = group.work(query, pieces, group.config)
        if shortlist == "all" or work <= AUTO_WORK:
            return pieces, group.config, "whole"
        n_pieces = max(1, int(len(pieces) * AUTO_WORK / work))
        if group.work(query, pieces, group.glancing) > GLANCE_WORK:
            return self._by_histogram(group, query, n_pieces)
        chosen = group.glance(query, pieces, n_pieces)
        return chosen, group.config, f"in the best {n_pieces} of {len(pieces)} pieces at a glance"

    def _by_histogram(self, group: SlideSearch, query: Query, n_windows: int) -> tuple[list[Piece], AlignConfig, str]:
        windows = [entry for entry, _ in self._search_windows(group, query, n_windows)]
        return group.around(query, windows), group.config, f"in the best {len(windows)} windows by histogram"

    def _search_windows(self, group: SlideSearch, query: Query, n_hits: int) -> list[tuple[Entry, float]]:
        """Return the best windows by histogram, of finished slides only."""
        vocabulary = self.index.vocabulary
        assert vocabulary is not None
        words = vocabulary.weigh(vocabulary.encode(self.index.describer.describe(query.representation)))
        store = self.index.open_windows()
        found = store.search(words, n_hits, self.where)
        entries = store.find([name for name, _ in found])
        return [
            (entries[name], similarity)
            for name, similarity in found
            if name in entries
            and (slide := group.slides.get(entries[name].slide)) is not None
            and slide.signature == entries[name].signature
        ]


def _round_up(value: float, step: int) -> int:
    return int(-(-value // step) * step)


def _shift(place: Placement, piece: Piece, sign: int = 1) -> Placement:
    """Return a place in a piece as one in its slide, or with -1 the other way round."""
    x, y = place.center_xy
    return replace(place, center_xy=(x + sign * piece.left, y + sign * piece.top))


def group_places(found: Sequence[Found], query: Query) -> list[tuple[str, list[Placement]]]:
    """Return the distinct places of each slide best first, each with what lies close to it, best first too."""
    side = SAME_PLACE * min(query.height_px, query.width_px)
    kept: list[tuple[str, list[Placement]]] = []
    for name, place in sorted(found, key=lambda item: (-item[1].similarity, item[0], item[1].center_xy)):
        near = (
            places for other, places in kept
            if other == name and math.dist(place.center_xy, places[0].center_xy) < side * place.scale
        )  # fmt: skip
        places = next(near, None)
        if places is None:
            kept.append((name, [place]))
        else:
            places.append(place)
    return kept
