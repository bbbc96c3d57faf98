"""The report: tables as CSV, plots as PNG, and one page that holds all of it and asks nothing of the network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image as PillowImage

from crosslight import __version__
from crosslight.config import to_dict
from crosslight.evaluate.cells import CellResult, Results
from crosslight.evaluate.findings import Finding, find_surprises, headline
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.material import Images
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import shown_ks
from crosslight.evaluate.pictures import choose_examples, draw_answers, head_space
from crosslight.evaluate.plots import cross_cells, plot_bars, plot_curves, telling_k
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.evaluate.queries import Size
from crosslight.evaluate.summary import SummaryRow, summarise, summarise_words
from crosslight.evaluate.table_files import write_cells, write_queries, write_table
from crosslight.evaluate.tables import (
    REPRESENTATION_NAMES,
    Labels,
    ResultTable,
    chance_row,
    make_table_1,
    make_table_2,
    make_table_3,
    name_method,
)
from crosslight.show.canvas import save_picture
from crosslight.show.page import Picture

PAGE = "report.html"
SIZE_NAMES = {"full": "Whole images", "patch": "Patches"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Story:
    """What was compared, and how."""

    folds: Sequence[Fold]
    methods: Sequence[Method]
    config: EvaluateConfig
    labels: Labels
    command: str = ""

    @property
    def n_queries(self) -> int:
        """Number of pairs asked, over all folds."""
        return sum(len(f.parts[self.config.part]) for f in self.folds)

    @property
    def n_images(self) -> int:
        """Number of images in the smallest repository."""
        return min(len(f.parts[self.config.searched]) for f in self.folds)

    @property
    def ks(self) -> list[int]:
        """The k of Acc@k that are shown."""
        return shown_ks(self.n_images)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """One table of the page: for whole images or patches, and for one k where there are several."""

    size: Size
    table: ResultTable
    k: int = 0

    @property
    def size_name(self) -> str:
        """The size in words."""
        return SIZE_NAMES[self.size]


def write_report(out: Path, story: Story, results: Results) -> None:
    """Write everything into the folder `out`: report.html, tables/*.csv, plots/*.png and pictures/*.

    With no finished cell there are only the page and its reasons.
    """
    out.mkdir(parents=True, exist_ok=True)
    tables = make_tables(story, results)
    write_cells(results, out / "tables" / "cells.csv")
    write_queries(results, out / "tables" / "queries.csv")
    for name, shown in tables.items():
        for one in shown:
            ending = f"_acc{one.k}" if one.k else ""
            write_table(one.table, out / "tables" / f"{name}_{one.size}{ending}.csv")
    _write_page(out, story, results, tables)


def make_tables(story: Story, results: Results) -> dict[str, list[Shown]]:
    """Return the paper's tables by name: table1 for every k, table2, and table3 for every k."""
    m, labels, ks = story.methods, story.labels, story.ks
    made: dict[str, list[Shown]] = {"table1": [], "table2": [], "table3": []}
    for size in story.config.sizes:
        for k in ks:
            for name, make in (("table1", make_table_1), ("table3", make_table_3)):
                if (table := make(results, m, labels, size, k)) is not None:
                    made[name].append(Shown(size=size, table=table, k=k))
        if (table := make_table_2(results, m, labels, size, ks)) is not None:
            made["table2"].append(Shown(size=size, table=table))
    return made


def _write_page(out: Path, story: Story, results: Results, tables: dict[str, list[Shown]]) -> None:
    environment = Environment(
        loader=PackageLoader("crosslight.evaluate"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}"
    environment.filters["seconds"] = say_seconds
    environment.filters["bytes"] = say_bytes
    text = environment.get_template("report.html").render(
        story=story,
        results=results,
        version=__version__,
        top_k=story.ks,
        shown_k=telling_k(story.n_images),
        chance=chance_row(story.n_images, story.ks),
        tables=tables,
        headlines=headline(results, story.methods, story.config.sizes, story.n_images),
        surprises=_surprises(story, results),
        summary=_summary(story, results),
        words=summarise_words(results, story.methods, story.labels),
        plots=list(_plots(out, story, results)),
        spaces=list(_spaces(out, story)),
        answers=list(_answers(out, story, results)),
        reasons=[(name_method(m), results.reasons[m.name]) for m in story.methods if m.name in results.reasons],
        settings=json.dumps(to_dict(story.config), indent=1),
    )
    temporary = out / f".{PAGE}.part"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(out / PAGE)


def _summary(story: Story, results: Results) -> list[SummaryRow]:
    return summarise(results, story.methods, story.config.sizes, story.ks)


def _surprises(story: Story, results: Results) -> list[Finding]:
    return find_surprises(results, story.methods, story.config.sizes, story.labels)


def _plots(out: Path, story: Story, results: Results) -> Iterator[Picture]:
    """Draw the plots and yield them for the page."""
    sizes, folder = story.config.sizes, out / "plots"
    if plot_bars(results, story.methods, story.labels, sizes, folder / "bars.png"):
        yield _read_picture(folder / "bars.png", "Bars of Acc@10 across and within modalities")
    if plot_curves(results, story.methods, sizes, folder / "curves.png"):
        yield _read_picture(folder / "curves.png", "Curves of Acc@k across modalities")


def _read_picture(path: Path, alt: str, caption: str = "") -> Picture:
    with PillowImage.open(path) as opened:
        return Picture(rgb=np.asarray(opened.convert("RGB")), alt=alt, caption=caption)


def _spaces(out: Path, story: Story) -> Iterator[Picture]:
    """Yield the pictures of representations that the run has drawn, those of the methods shown."""
    wanted = dict.fromkeys(m.representation for m in story.methods if m.representation)
    for representation in wanted:
        for path in sorted((out / "pictures").glob(f"{representation}-*.jpg")):
            name = path.stem.removeprefix(f"{representation}-")
            caption = _space_caption(representation, name, story.labels)
            with PillowImage.open(path) as opened:
                rgb = head_space(np.asarray(opened.convert("RGB")), story.labels)
            yield Picture(rgb=rgb, alt=f"Examples of {representation}", caption=caption, photograph=True)


def _space_caption(representation: str, space: str, labels: Labels) -> str:
    name = REPRESENTATION_NAMES[representation]
    return f"{name}: everything as {labels.of('A' if space == 'A' else 'B')}" if space in ("A", "B") else name


def _answers(out: Path, story: Story, results: Results) -> Iterator[Picture]:
    """Draw the best and worst queries of the best method of each size, and yield them for the page."""
    fold = story.folds[0]
    images = Images(fold, story.config)
    for size in story.config.sizes:
        method = best_method(story.methods, results, size)
        if method is None:
            continue
        cells = [c for c in cross_cells(results, method, size) if c.cell.fold == fold.name]
        rgb = draw_answers(choose_examples(cells), images, story.labels)
        save_picture(rgb, out / "pictures" / f"answers_{size}.jpg")
        caption = f"{SIZE_NAMES[size]}, {name_method(method)}: the clearest answers, then the least clear or worst"
        yield Picture(rgb=rgb, alt=caption, caption=caption, photograph=True)


def best_method(methods: Sequence[Method], results: Results, size: Size) -> Method | None:
    """Return the method with the best mean Acc@1 of transformed queries across modalities; None where none is."""

    def mean_share(cells: Sequence[CellResult]) -> float:
        return float(np.mean([np.mean(np.asarray(c.ranks) <= 1) for c in cells]))

    asked = [(m, cells) for m in methods if (cells := cross_cells(results, m, size))]
    return max(asked, key=lambda item: mean_share(item[1]))[0] if asked else None


def say_bytes(size: int) -> str:
    """Return an amount of memory; nothing where it is not known."""
    return f"{size / 2**30:.1f} GiB" if size else ""


def say_seconds(seconds: float) -> str:
    """Return a time in a unit that suits it."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
