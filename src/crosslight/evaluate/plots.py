"""The paper's bar plots and the curves of Acc@k, as PNG files, one for whole images and one for patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from crosslight.evaluate.cells import CellResult, Results, estimate_cells
from crosslight.evaluate.methods import TRANSLATIONS, Method
from crosslight.evaluate.metrics import TOP_K, chance_share, success_share
from crosslight.evaluate.queries import Size
from crosslight.evaluate.tables import MATCHER_NAMES, REPRESENTATION_NAMES, Labels, name_method
from crosslight.types import MODALITIES

# Okabe and Ito's colours: they stay apart for readers with any of the usual colour deficiencies.
COLOURS = ("#0068b2", "#f59400", "#009669", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#5b6470", "#7a3db8", "#1b1b1b")
INK, FAINT, HAIRLINE = "#181c22", "#68707c", "#d6dbe2"
SIZE_WORDS = {"full": "whole images", "patch": "patches"}
MAX_CURVES = len(COLOURS)
MAX_K = 30
PAPER_K = 10
DPI = 144
WIDTH_IN = 6.4  # of a plot: letters of 10 pt can be read in half a page and, scrolled a little, on a phone
DASHES = (0, (4, 3))
MARKERS = "osD^vPX<>*"
SAME_PERCENT, LONG_SHARE = 0.5, 0.5  # closer curves cannot be told from each other; over so much of their length
LINE_PT = 1.8


def plot_bars(results: Results, methods: Sequence[Method], labels: Labels, size: Size, path: Path) -> bool:
    """Draw success without re-ranking as in the paper's Figure 3: across modalities above, within below.

    Acc@10 as there, or a smaller k where a random order would reach half of it. Bars are means over the two directions
    with 95 % intervals; pale bars are transformed queries. Returns False, and draws nothing, where no row of the
    replacement study has a figure.
    """
    chosen = [m for m in methods if not m.cross_only and results.find(method=m.name)]
    if not chosen:
        return False
    matchers = list(dict.fromkeys(m.matcher for m in chosen))
    groups, k = _groups(chosen, labels), telling_k(_n_images(results))
    figure = _blank(7.2)
    for axis, cross in zip(figure.subplots(2), (True, False), strict=True):
        _draw_bars(axis, results, groups, matchers, cross, size, k)
        axis.set_title(f"{'across' if cross else 'within'} modalities, {SIZE_WORDS[size]}", loc="left")
        axis.set_ylabel(f"Acc@{k}, %")
    handles: list[Artist] = [Patch(color=COLOURS[i % len(COLOURS)]) for i in range(len(matchers))]
    handles += [Patch(color=FAINT, alpha=0.5), Line2D([], [], color=INK, ls=DASHES)]
    names = [MATCHER_NAMES.get(m, m) for m in matchers]
    _explain(figure, handles, [*names, "pale: transformed", "random order"], n_columns=3)
    _save(figure, path)
    return True


def _groups(methods: Sequence[Method], labels: Labels) -> list[tuple[str, str, str]]:
    """Return (representation, space, label) of every group of bars."""
    groups: list[tuple[str, str, str]] = []
    for representation in REPRESENTATION_NAMES:
        if any(m.representation == representation for m in methods):
            name = REPRESENTATION_NAMES[representation]
            if representation in TRANSLATIONS:
                groups += [(representation, s, f"{name}\nas {labels.of(s)}") for s in MODALITIES]
            else:
                groups.append((representation, "", name))
    return groups


def _draw_bars(
    axis: Axes, results: Results, groups: Sequence[tuple[str, str, str]], matchers: Sequence[str], cross: bool,
    size: Size, k: int,
) -> None:  # fmt: skip
    width = 0.8 / len(matchers)
    for g, (representation, space, _) in enumerate(groups):
        for m, matcher in enumerate(matchers):
            for transformed in (False, True):
                found = [
                    r
                    for r in results.find(
                        method=f"{representation}+{matcher}", space=space, size=size, transformed=transformed
                    )
                    if r.cell.is_cross == cross
                ]
                estimate = estimate_cells(found, k)
                if estimate is None:
                    continue
                x = g - 0.4 + (m + (0.27 if not transformed else 0.73)) * width
                share, low, high = (100 * v for v in (estimate.share, estimate.low, estimate.high))
                axis.bar(
                    x, share, width * 0.42, color=COLOURS[m % len(COLOURS)], alpha=0.5 if transformed else 1, zorder=2
                )
                axis.vlines(x, low, high, color=INK, lw=0.9, alpha=0.7, zorder=3)
    axis.axhline(100 * chance_share(k, _n_images(results)), color=INK, lw=0.9, ls=DASHES, zorder=1)
    axis.set_xticks(range(len(groups)), [label for _, _, label in groups])
    axis.set_xlim(-0.6, len(groups) - 0.4)
    axis.set_ylim(0, 104)
    _tidy(axis)


def plot_curves(results: Results, methods: Sequence[Method], size: Size, path: Path) -> None:
    """Draw Acc@k of transformed queries across modalities, mean of both directions, of as many methods as `COLOURS`."""
    n_images = _n_images(results)
    ks = np.arange(1, max(2, min(MAX_K + 1, n_images)))  # the last is below the number of images: then all are found
    names = [*map(name_method, methods), "random order"]
    figure = _blank(4.1 + 0.21 * len(names))
    axis = figure.subplots()
    _draw_curves(axis, results, methods, size, ks)
    axis.plot(ks, 100 * ks / n_images, color=INK, lw=1, ls=DASHES)
    axis.set_title(f"transformed {SIZE_WORDS[size]}", loc="left")
    axis.set_xlabel("k")
    axis.set_xlim(1, max(2, ks[-1]))
    axis.set_ylim(0, 104)
    axis.set_xticks([k for k in (1, 5, 10, 15, 20, 25, 30) if k <= ks[-1]])
    _tidy(axis)
    axis.set_ylabel("Acc@k across modalities, %")
    handles: list[Artist] = [Line2D([], [], lw=LINE_PT, ms=6, **_line_style(i)) for i in range(len(methods))]
    handles.append(Line2D([], [], color=INK, lw=1, ls=DASHES))
    _explain(figure, handles, names, n_columns=1)
    _save(figure, path)


def _draw_curves(axis: Axes, results: Results, methods: Sequence[Method], size: Size, ks: NDArray[np.int64]) -> None:
    """Draw a curve for each method so that those which coincide can be told: broader below, marks at other places."""
    curves = {}
    for number, method in enumerate(methods):
        if found := cross_cells(results, method, size):
            curves[number] = np.array([100 * np.mean([success_share(r.ranks, int(k)) for r in found]) for k in ks])
    step = max(1, len(ks) // 6)
    for number, shares in curves.items():
        n_above = sum(coincide(shares, other) for later, other in curves.items() if later > number)
        axis.plot(
            ks, shares, **_line_style(number), lw=LINE_PT * (1 + 1.4 * min(n_above, 2)), ms=6 + 2 * min(n_above, 2),
            markevery=(number % step, step), clip_on=False, zorder=2 + number / 100,
        )  # fmt: skip


def _line_style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number], "marker": MARKERS[number], "markeredgecolor": "white", "markeredgewidth": 0.7}


def coincide(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Return whether two curves run on each other over half of their length or more."""
    return float(np.mean(np.abs(first - second) < SAME_PERCENT)) >= LONG_SHARE


def cross_cells(results: Results, method: Method, size: Size, *, transformed: bool = True) -> list[CellResult]:
    """Return the cells across modalities, of both directions, all folds and spaces."""
    return [r for r in results.find(method=method.name, size=size, transformed=transformed) if r.cell.is_cross]


def best_methods(results: Results, methods: Sequence[Method], sizes: Sequence[Size]) -> list[Method]:
    """Return at most as many methods as there are colours, in the order given: those with the best Acc@10."""

    def mean_share(method: Method) -> float:
        found = [r for size in sizes for r in cross_cells(results, method, size)]
        return float(np.mean([success_share(r.ranks, 10) + success_share(r.ranks, 1) for r in found])) if found else -1

    some = [m for m in methods if mean_share(m) >= 0]
    kept = sorted(some, key=mean_share, reverse=True)[:MAX_CURVES]
    return [m for m in some if m in kept]


def telling_k(n_images: int) -> int:
    """Return the largest k of the paper, at most 10, of which a random order reaches less than half."""
    return max((k for k in TOP_K if k <= PAPER_K and chance_share(k, n_images) < 0.5), default=1)


def _n_images(results: Results) -> int:
    return min(len(r.images) for r in results.results)


def _tidy(axis: Axes) -> None:
    axis.grid(axis="y", color=HAIRLINE, lw=0.8, zorder=0)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, colors=FAINT, labelcolor=INK)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(HAIRLINE)


def _blank(height_in: float) -> Figure:
    return Figure(figsize=(WIDTH_IN, height_in), layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1))


def _explain(figure: Figure, handles: Sequence[Artist], names: Sequence[str], n_columns: int) -> None:
    figure.legend(handles, names, loc="outside lower center", ncols=n_columns, frameon=False)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    figure.savefig(temporary, dpi=DPI, format="png", facecolor="white")
    temporary.replace(path)
