"""The page of a report: one file that holds all it shows and asks nothing of the network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image as PillowImage

from crosslight import __version__
from crosslight.evaluate.cells import CellResult, Results
from crosslight.evaluate.findings import find_surprises, headline
from crosslight.evaluate.material import Images
from crosslight.evaluate.methods import Method
from crosslight.evaluate.pictures import choose_examples, draw_answers, head_space
from crosslight.evaluate.plots import SIZE_WORDS, best_methods, cross_cells, plot_bars, plot_curves, telling_k
from crosslight.evaluate.queries import Size
from crosslight.evaluate.story import SIZE_NAMES, Shown, Story
from crosslight.evaluate.summary import SummaryRow, summarise_words
from crosslight.evaluate.tables import REPRESENTATION_NAMES, Labels, chance_row, name_method
from crosslight.evaluate.words import say_bytes, say_seconds
from crosslight.settings import to_dict
from crosslight.show.canvas import save_picture
from crosslight.show.page import Picture

PAGE = "report.html"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why rows have empty cells: a note under a number."""

    number: int
    names: str
    text: str


def write_page(
    out: Path, story: Story, results: Results, tables: Mapping[str, Sequence[Shown]], summary: Sequence[SummaryRow]
) -> None:  # fmt: skip
    """Draw plots and pictures into the folder `out`, and write the page that shows them with the tables."""
    environment = Environment(
        loader=PackageLoader("crosslight.evaluate"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: f"{100 * share:.1f}"
    environment.filters["seconds"] = say_seconds
    environment.filters["bytes"] = say_bytes
    environment.filters["prose"] = mark_code
    reasons = number_reasons(story.methods, results)
    text = environment.get_template("report.html").render(
        story=story,
        results=results,
        version=__version__,
        top_k=story.ks,
        shown_k=telling_k(story.n_images),
        chance=chance_row(story.n_images, story.ks),
        tables=tables,
        headlines=headline(results, story.methods, story.config.sizes, story.n_images),
        surprises=find_surprises(results, story.methods, story.config.sizes, story.labels),
        summary=summary,
        without_figures=[(name_method(m), results.reasons[m.name]) for m in _without_cells(story, results)],
        words=summarise_words(results, story.methods, story.labels),
        plots=list(_plots(out, story, results)),
        spaces=list(_spaces(out, story)),
        answers=list(_answers(out, story, results)),
        reasons=reasons,
        marks={reason.text: reason.number for reason in reasons},
        settings=json.dumps(to_dict(story.config), indent=1),
    )
    temporary = out / f".{PAGE}.part"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(out / PAGE)


def number_reasons(methods: Sequence[Method], results: Results) -> list[Reason]:
    """Return why cells are empty, each reason once, numbered from 1."""
    names: dict[str, list[str]] = {}
    for method in methods:
        if method.name in results.reasons:
            names.setdefault(results.reasons[method.name], []).append(name_method(method))
    return [Reason(number=i, names=", ".join(n), text=text) for i, (text, n) in enumerate(names.items(), start=1)]


def mark_code(text: str) -> Markup:
    """Return a sentence for the page, what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _without_cells(story: Story, results: Results) -> list[Method]:
    return [m for m in story.methods if m.name in results.reasons and not results.find(method=m.name)]


def _plots(out: Path, story: Story, results: Results) -> Iterator[Picture]:
    """Draw the plots and yield them for the page."""
    sizes, folder = story.config.sizes, out / "plots"
    for size in sizes:
        path = folder / f"bars_{size}.png"
        if plot_bars(results, story.methods, story.labels, size, path):
            yield _read_picture(path, f"Bars of Acc@10 across and within modalities, {SIZE_WORDS[size]}")
    chosen = best_methods(results, story.methods, sizes)
    for size in sizes if chosen else ():
        path = folder / f"curves_{size}.png"
        plot_curves(results, chosen, size, path)
        yield _read_picture(path, f"Curves of Acc@k across modalities, {SIZE_WORDS[size]}")


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
