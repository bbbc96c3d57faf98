"""index, for large images: windows -> tiles of the representation -> coarser levels.

Every step writes what is missing only, so a stopped run goes on where it was, and holds a few windows in memory,
whatever the size of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosslight.config import SlideConfig
from crosslight.errors import InputError
from crosslight.pipeline.distribute import Team
from crosslight.pipeline.parts import IndexParts
from crosslight.read.glass import empty_windows, find_background
from crosslight.read.large import open_source
from crosslight.read.rescale import RescaledSource
from crosslight.read.source import SlideSource, make_overview
from crosslight.represent.base import Representer
from crosslight.represent.comir.model import ComirRepresenter
from crosslight.show.raster import make_thumbnail
from crosslight.store.pyramid import PyramidShape, count_levels
from crosslight.types import Entry, Float32, Image, Progress, Representation

if TYPE_CHECKING:
    from crosslight.pipeline.build import Job

OVERVIEW_SHARE, OVERVIEW_PX = 32, (512, 4096)  # an overview is so much smaller than its slide, within these sizes
SAME_MPP = 0.02  # pixel sizes closer than this are taken as equal
OTHER_MULTIPLE_PX = 64  # windows start on multiples of this for models other than CoMIR
MIN_SIDE_PX = 64  # of what the network sees


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window of a large image: its first row and column, and its size, in cells."""

    top: int
    left: int
    rows: int
    cols: int


@dataclass(frozen=True, kw_only=True)
class SlideTask:
    """One window of one file, to be represented by whoever has time."""

    job: Job
    window: Window


def choose_reduction(slide_mpp: float | None, model_mpp: float | None) -> float:
    """Return how many of a slide's pixels make one that the network sees; 1 where a pixel size is not known."""
    if slide_mpp is None or model_mpp is None:
        return 1.0
    reduction = model_mpp / slide_mpp
    return 1.0 if abs(reduction - 1) < SAME_MPP else reduction


def represent_slide(index: IndexParts, job: Job, team: Team, progress: Progress) -> None:
    """Write the representation of a large image, unless this state of its file has it."""
    if index.pyramids.is_finished(job.key):
        return
    with closing(_open_view(index, job)) as view:
        shape = _begin(index, view, job)
    tasks = [SlideTask(job=job, window=window) for window in missing_windows(index, job.key, shape)]
    done = 0
    for n_done in _run_alone(index, tasks) if not team.is_remote else _run_there(team, index, tasks):
        done += n_done
        progress(done, len(tasks), f"representing: {job.name}")
    for level in range(1, shape.n_levels):
        index.pyramids.build_level(job.key, level)
    index.pyramids.finish(job.key)


def represent_windows(index: IndexParts, tasks: Sequence[SlideTask]) -> int:
    """Write the tiles of some windows of large images."""
    return sum(_run_alone(index, tasks))


def _run_there(team: Team, index: IndexParts, tasks: Sequence[SlideTask]) -> Iterator[int]:
    return (len(some) for some, _ in team.run(represent_windows, index, tasks))


def _run_alone(index: IndexParts, tasks: Sequence[SlideTask]) -> Iterator[int]:
    """Write the tiles of windows and yield 1 for each window."""
    for _, group in groupby(tasks, key=lambda task: task.job.key):
        some = list(group)
        job = some[0].job
        shape = index.pyramids.shape(job.key)
        with closing(_open_view(index, job)) as view:
            for window, codes in _represent(index, view, shape, [task.window for task in some]):
                _write_tiles(index, job.key, shape, window, codes)
                yield 1


def _open_view(index: IndexParts, job: Job) -> RescaledSource:
    source = open_source(job.path, mpp=job.mpp)
    try:
        return RescaledSource(source, choose_reduction(source.levels[0].mpp, getattr(index.model, "mpp", None)))
    except BaseException:
        source.close()
        raise


def _begin(index: IndexParts, view: RescaledSource, job: Job) -> PyramidShape:
    """Look at the whole image once, from afar, and write what is known of it."""
    config, source = index.manifest.config.slides, view.source
    representer: Representer = index.model.representer(index.manifest.modality).plain
    if min(view.height_px, view.width_px) < MIN_SIDE_PX:
        raise InputError(
            f"{job.path} is {view.width_px} x {view.height_px} px at the model's pixel size; slides need {MIN_SIDE_PX} "
            "px a side. Check its micrometres per pixel, or give them (mpp)."
        )
    first = source.levels[0]
    longest = max(first.height_px, first.width_px)
    overview, _ = make_overview(source, int(np.clip(longest // OVERVIEW_SHARE, *OVERVIEW_PX)))
    if isinstance(representer, ComirRepresenter):
        representer.admission.admit(Image(pixels=overview, name=job.name))
    stride = representer.stride
    height, width = -(-view.height_px // stride), -(-view.width_px // stride)
    shape = PyramidShape(
        n_channels=representer.n_channels, height=height, width=width, stride=stride, tile=config.tile_cells,
        n_levels=count_levels(height, width, config.tile_cells), empty=_find_empty(overview, view, config, stride),
    )  # fmt: skip
    entry = Entry(
        name=job.name, path=str(job.path.resolve()), height_px=first.height_px, width_px=first.width_px,
        mpp=first.mpp, signature=job.signature, kind="slide", reduction=view.reduction, level=view.level,
    )  # fmt: skip
    shown = overview if _is_float(source) else np.rint(overview).astype(_dtype(source))
    thumbnail = make_thumbnail(Image(pixels=shown, name=job.name), index.manifest.config.thumbnail_px)
    index.pyramids.begin(job.key, shape, thumbnail, entry)
    return shape


def _find_empty(
    overview: Float32, view: RescaledSource, config: SlideConfig, stride: int
) -> tuple[tuple[int, int], ...]:
    """Return the tiles that show background only."""
    if config.background == "keep":
        return ()
    empty = empty_windows(find_background(overview), view.height_px, view.width_px, config.tile_cells * stride)
    if empty.all():  # nothing stands out, so nothing is known to be background
        return ()
    return tuple((int(r), int(c)) for r, c in np.argwhere(empty))


def _dtype(source: SlideSource) -> np.dtype[Any]:
    return source.read_region(0, 0, 0, 1, 1).dtype


def _is_float(source: SlideSource) -> bool:
    return _dtype(source).kind == "f"


def missing_windows(index: IndexParts, key: str, shape: PyramidShape) -> list[Window]:
    """Return the windows of which some tile is neither written nor background, row by row."""
    side = index.manifest.config.slides.window_cells
    windows = []
    for top in range(0, shape.height, side):
        for left in range(0, shape.width, side):
            window = Window(top=top, left=left, rows=min(side, shape.height - top), cols=min(side, shape.width - left))
            if any(not index.pyramids.has(key, 0, *tile) for tile in _tiles(shape, window)):
                windows.append(window)
    return windows


def _tiles(shape: PyramidShape, window: Window) -> Iterator[tuple[int, int]]:
    """Yield the tiles of a window that are to be stored."""
    for r in range(window.top // shape.tile, -(-(window.top + window.rows) // shape.tile)):
        for c in range(window.left // shape.tile, -(-(window.left + window.cols) // shape.tile)):
            if (r, c) not in shape.empty_tiles:
                yield r, c


def _represent(
    index: IndexParts, view: RescaledSource, shape: PyramidShape, windows: Sequence[Window]
) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Yield the codes of each window; the next one is read while the network looks at this one."""
    representer: Representer = index.model.representer(index.manifest.modality).plain
    multiple = representer.multiple_px if isinstance(representer, ComirRepresenter) else OTHER_MULTIPLE_PX
    margin = -(-index.manifest.config.slides.margin_px // multiple) * multiple

    def read(window: Window) -> NDArray[Any]:
        stride = shape.stride
        rows = min(window.rows * stride, view.height_px - window.top * stride)
        cols = min(window.cols * stride, view.width_px - window.left * stride)
        top, left = window.top * stride - margin, window.left * stride - margin
        return view.read(top, left, rows + 2 * margin, cols + 2 * margin)

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, windows[0]) if windows else None
        for i, window in enumerate(windows):
            assert coming is not None
            pixels = coming.result()
            coming = reader.submit(read, windows[i + 1]) if i + 1 < len(windows) else None
            yield window, _represent_window(representer, pixels, margin).to_codes()


def _represent_window(representer: Representer, pixels: NDArray[Any], margin_px: int) -> Representation:
    """Return the representation of the middle of a window."""
    if isinstance(representer, ComirRepresenter):
        return representer.represent_window(pixels, margin_px)
    whole = representer.represent(Image(pixels=pixels, name="window"))
    m = margin_px // whole.stride
    h, w = (-(-(n - 2 * margin_px) // whole.stride) for n in pixels.shape[:2])
    return replace(whole, values=whole.values[:, m : m + h, m : m + w])


def _write_tiles(index: IndexParts, key: str, shape: PyramidShape, window: Window, codes: NDArray[np.uint8]) -> None:
    t = shape.tile
    for r, c in _tiles(shape, window):
        y, x = r * t - window.top, c * t - window.left
        index.pyramids.write(key, 0, r, c, codes[:, y : y + t, x : x + t])
