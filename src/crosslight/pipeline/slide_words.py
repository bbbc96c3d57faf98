"""Histograms of a large image: over squares that overlap by half, each an entry of the store of windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crosslight.describe.base import Describer
from crosslight.pipeline.distribute import Team
from crosslight.pipeline.metadata import Value
from crosslight.pipeline.parts import IndexParts
from crosslight.registry import load
from crosslight.store.pyramid import PyramidShape
from crosslight.types import Descriptors, Entry, Histogram, Progress

if TYPE_CHECKING:
    from crosslight.pipeline.images import IndexImages

SLIDE_KEY = "crosslight:slide"  # in a window's metadata, to find the windows of a slide by
BATCH = 64  # windows written to the store at once
AREA_CELLS = 512  # described at once


@dataclass(frozen=True, kw_only=True)
class Area:
    """A part of a large image that is described at once: squares of `step_px`, `n_steps` on a side.

    `row` and `column` are those of its first square, `cells` the (top, left, bottom, right) to read.
    """

    key: str
    row: int
    column: int
    n_steps: int
    step_px: int
    cells: tuple[int, int, int, int]


def slide_describer(index: IndexParts) -> Describer:
    """Return the index's describer on the coarser grid that large images are described with."""
    config = index.manifest.config
    chosen: Describer = load("describer", config.describe.name)(
        replace(config.describe, step_px=max(config.describe.step_px, config.slides.step_px))
    )
    return chosen


def sample_descriptors(index: IndexImages, key: str, n_areas: int) -> Iterator[Descriptors]:
    """Yield the descriptors of at most `n_areas` squares of a large image, evenly spread over what is stored."""
    shape, describer = index.pyramids.shape(key), slide_describer(index)
    stored = [tile for tile in np.ndindex(*shape.grid(0)) if tile not in shape.empty_tiles]
    for r, c in stored[:: max(1, -(-len(stored) // n_areas))]:
        t = shape.tile
        rows, cols = min(t, shape.height - r * t), min(t, shape.width - c * t)
        yield describer.describe(index.pyramids.region(key, 0, r * t, c * t, rows, cols))


def write_windows(index: IndexImages, key: str, metadata: Mapping[str, Value], team: Team, progress: Progress) -> int:
    """Count the words of all windows of a large image, write those that are missing, and return how many there are.

    Windows of an earlier state of the file are removed.
    """
    entry = index.pyramids.entry(key)
    store = index.open_windows(create=True)
    there = {e.name: e for e in store.entries({SLIDE_KEY: entry.name})}
    names: set[str] = set()
    entries: list[Entry] = []
    vectors: list[Histogram] = []

    def flush() -> None:
        store.add(entries, vectors)
        entries.clear()
        vectors.clear()

    for window, histogram in _count_windows(index, key, entry, team, progress):
        written = replace(window, metadata={**metadata, SLIDE_KEY: entry.name})
        names.add(written.name)
        if there.get(written.name) != written:
            entries.append(written)
            vectors.append(histogram)
        if len(entries) >= BATCH:
            flush()
    if entries:
        flush()
    old = [name for name in there if name not in names]
    if old:
        store.remove(old)
    return len(names)


def _count_windows(
    index: IndexImages, key: str, entry: Entry, team: Team, progress: Progress
) -> Iterator[tuple[Entry, Histogram]]:
    """Yield every window that shows something, with its weighted histogram."""
    assert index.vocabulary is not None
    shape, step = index.pyramids.shape(key), index.manifest.config.slides.histogram_px // 2
    n_rows, n_cols = (max(1, -(-n * shape.stride // step)) for n in (shape.height, shape.width))
    areas = list(_list_areas(index, key, shape, step))
    blocks: dict[tuple[int, int], Histogram] = {}
    done = 0
    for some, found in team.run(count_areas, index, areas):
        blocks.update(found)
        done += len(some)
        progress(done, len(areas), f"describing: {entry.name}")
    for r in range(max(1, n_rows - 1)):
        for c in range(max(1, n_cols - 1)):
            parts = [blocks[p] for p in ((r, c), (r, c + 1), (r + 1, c), (r + 1, c + 1)) if p in blocks]
            total = _add(parts)
            if total.words.size:
                yield _window_entry(entry, r * step, c * step, 2 * step), index.vocabulary.weigh(total)


def _list_areas(index: IndexParts, key: str, shape: PyramidShape, step: int) -> Iterator[Area]:
    """Yield the areas that show something; they have enough around them that no block within is cut."""
    stride, reach = shape.stride, max(index.manifest.config.describe.sizes_px) // 2
    per_area = max(1, AREA_CELLS * stride // step)
    side, around = per_area * step, -(-reach // stride)
    for top in range(0, shape.height * stride, side):
        for left in range(0, shape.width * stride, side):
            y0, x0 = max(0, top // stride - around), max(0, left // stride - around)
            y1 = min(shape.height, (top + side) // stride + around)
            x1 = min(shape.width, (left + side) // stride + around)
            if not _is_empty(shape, y0, x0, y1, x1):
                row, column, cells = top // step, left // step, (y0, x0, y1, x1)
                yield Area(key=key, row=row, column=column, n_steps=per_area, step_px=step, cells=cells)


def count_areas(parts: IndexParts, areas: Sequence[Area]) -> list[tuple[tuple[int, int], Histogram]]:
    """Return the place, in steps, and the histogram of every square of some areas that shows something.

    A descriptor counts where its centre lies.
    """
    assert parts.vocabulary is not None
    describer, counted = slide_describer(parts), []
    for area in areas:
        y0, x0, y1, x1 = area.cells
        stride = parts.pyramids.shape(area.key).stride
        found = describer.describe(parts.pyramids.region(area.key, 0, y0, x0, y1 - y0, x1 - x0))
        places = np.floor((found.xy + 0.5 + np.array([x0 * stride, y0 * stride])) / area.step_px).astype(int)
        for r in range(area.row, area.row + area.n_steps):
            for c in range(area.column, area.column + area.n_steps):
                here = (places[:, 0] == c) & (places[:, 1] == r)
                if here.any():
                    counted.append(((r, c), parts.vocabulary.encode(_select(found, here))))
    return counted


def _is_empty(shape: PyramidShape, y0: int, x0: int, y1: int, x1: int) -> bool:
    t = shape.tile
    return all((r, c) in shape.empty_tiles for r in range(y0 // t, -(-y1 // t)) for c in range(x0 // t, -(-x1 // t)))


def _select(found: Descriptors, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Descriptors:
    return Descriptors(
        values=found.values[rows], xy=found.xy[rows], size_px=found.size_px[rows], strength=found.strength[rows]
    )


def _add(parts: list[Histogram]) -> Histogram:
    if not parts:
        return Histogram(words=np.empty(0, np.int32), counts=np.empty(0, np.float32))
    words, place = np.unique(np.concatenate([p.words for p in parts]), return_inverse=True)
    counts = np.bincount(place, np.concatenate([p.counts for p in parts]))
    return Histogram(words=words.astype(np.int32), counts=counts.astype(np.float32))


def _window_entry(slide: Entry, top: int, left: int, side: int) -> Entry:
    """Return the entry of one window; its pixels are those of level 0."""
    y0, x0 = round(top * slide.reduction), round(left * slide.reduction)
    y1 = min(slide.height_px, round((top + side) * slide.reduction))
    x1 = min(slide.width_px, round((left + side) * slide.reduction))
    return replace(
        slide, name=f"{slide.name}@{x0},{y0}", kind="window", slide=slide.name, top_px=y0, left_px=x0,
        height_px=y1 - y0, width_px=x1 - x0,
    )  # fmt: skip
