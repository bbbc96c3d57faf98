"""Results in the arrangement of the paper's tables, ready to be shown or written as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crosslight.evaluate.cells import Results, estimate_cells
from crosslight.evaluate.methods import ALIGN, DISCS, TRANSLATIONS, Method
from crosslight.evaluate.metrics import Estimate, chance_share
from crosslight.evaluate.published import published_share
from crosslight.evaluate.queries import Size
from crosslight.types import MODALITIES, Modality

MATCHER_NAMES = {
    "detected-sift": "SIFT", "sift": "dense SIFT", "surf": "SURF", "rootsift": "dense RootSIFT",
    "oriented-surf": "oriented SURF", "resnet": "ResNet", "2dkd": "2DKD", "2dkd-places": "2DKD at many places",
    "tcnet": "TC-Net", "imtdf": "IMTDF", DISCS: "discs", ALIGN: "alignment",
}  # fmt: skip
REPRESENTATION_NAMES = {"originals": "Originals", "comir": "CoMIR", "pix2pix": "pix2pix", "cyclegan": "CycleGAN"}
MATCHER_ORDER = ("detected-sift", "surf", "resnet", "2dkd", "2dkd-places", "sift", "rootsift", "oriented-surf", DISCS)
REPRESENTATION_ORDER = ("originals", "comir", "cyclegan", "pix2pix")
CHANCE = "random order"


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What the two modalities are called; `published` is which of the paper's modalities each is."""

    a: str = "A"
    b: str = "B"

    def of(self, modality: Modality) -> str:
        """Return the name of a modality."""
        return self.a if modality == "A" else self.b

    def paper(self, modality: Modality) -> Modality:
        """Return the paper's modality: A is bright field there, unless B is called so here."""
        swapped = self.b.upper() == "BF" or self.a.upper() == "SHG"
        return ("B" if modality == "A" else "A") if swapped else modality


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """One figure, or `missing`: why there is none.

    `tint` is "within", "within-t", "cross" or "cross-t", as the paper colours them, or "".
    """

    estimate: Estimate | None = None
    missing: str = ""
    published: float | None = None
    tint: str = ""
    is_best: bool = False
    is_void: bool = False


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """Headings with how many rows each spans (0: covered by one above), then the cells."""

    heads: Sequence[tuple[str, int]]
    cells: Sequence[TableCell]
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table: names of the heading columns, of the others, and the rows."""

    head_columns: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[TableRow]


def name_method(method: Method) -> str:
    """Return a row's name for people."""
    matcher = MATCHER_NAMES.get(method.matcher, method.matcher)
    base = f"{REPRESENTATION_NAMES[method.representation]} + {matcher}" if method.representation else matcher
    rerank = {"none": "", "patches": ", patches of the best {}", "align": ", alignment of the best {}"}[method.rerank]
    return base + rerank.format(method.shortlist)


def name_repository(method: Method, space: str, repository: Modality, labels: Labels) -> str:
    """Return what is searched as the paper writes it: BF, CoMIR(BF), Fake BF."""
    label = labels.of(repository)
    if method.representation == "comir":
        return f"CoMIR({label})"
    if method.representation in TRANSLATIONS and repository != space:
        return f"Fake {labels.of('A' if space == 'A' else 'B')}"
    return label


def tint_of(repository: Modality, query: Modality, transformed: bool) -> str:
    """Return which of the paper's four kinds a cell is."""
    return ("within" if repository == query else "cross") + ("-t" if transformed else "")


def make_table_1(results: Results, methods: Sequence[Method], labels: Labels, size: Size, k: int) -> ResultTable | None:
    """Return the replacement study: every repository against every kind of query; None without such methods."""
    chosen = [m for m in methods if not m.cross_only]
    chosen.sort(key=lambda m: (_place(MATCHER_ORDER, m.matcher), _place(REPRESENTATION_ORDER, m.representation)))
    rows = []
    for method in chosen:
        spaces = MODALITIES if method.representation in TRANSLATIONS else ("",)
        repositories = [(s, r) for s in spaces for r in (("A", "B") if s != "B" else ("B", "A"))]
        for number, (space, repository) in enumerate(repositories):
            cells = [
                _cell(results, method, space, repository, query, transformed, size, k, labels)  # type: ignore[arg-type]
                for query in MODALITIES
                for transformed in (False, True)
            ]
            heads = [
                (MATCHER_NAMES.get(method.matcher, method.matcher), 1),
                (REPRESENTATION_NAMES[method.representation], len(repositories) if number == 0 else 0),
                (name_repository(method, space, repository, labels), 1),  # type: ignore[arg-type]
            ]
            rows.append(TableRow(heads=heads, cells=cells, group=method.matcher))
    if not rows:
        return None
    columns = [labels.of(q) + t for q in MODALITIES for t in ("", "(T)")]
    return ResultTable(
        head_columns=("", "", "searched"), columns=columns, rows=_mark_best(_span_groups(rows), ("cross", "cross-t"))
    )


def make_table_2(
    results: Results, methods: Sequence[Method], labels: Labels, size: Size, ks: Sequence[int]
) -> ResultTable | None:
    """Return what re-ranking brings: transformed queries across modalities; None without a re-ranking."""
    bases = list(dict.fromkeys(m.base for m in methods if m.shortlist))
    chosen = [m for m in methods if m.base in bases]
    chosen += [m for m in methods if m.matcher == ALIGN and m.representation in {b.representation for b in bases}]
    if not bases:
        return None
    rows = []
    for query in MODALITIES:
        repository: Modality = "B" if query == "A" else "A"
        block = []
        for method in chosen:
            cells = [_cell(results, method, "", repository, query, True, size, k, labels) for k in ks]
            what = f"{labels.of(query)}(T) in {labels.of(repository)}"
            block.append(TableRow(heads=[(what, 1), (_name_rerank(method, bases), 1)], cells=cells, group=what))
        rows += _mark_columns(_span_groups(block))
    return ResultTable(head_columns=("asked", "re-ranking"), columns=[f"Acc@{k}" for k in ks], rows=rows)


def make_table_3(results: Results, methods: Sequence[Method], labels: Labels, size: Size, k: int) -> ResultTable | None:
    """Return the comparison of whole methods across modalities; None without any."""
    chosen = [m for m in methods if m.cross_only]
    if not chosen:
        return None
    rows = []
    for method in chosen:
        for repository in MODALITIES:
            cells = [
                TableCell(is_void=True)
                if query == repository
                else _cell(results, method, "", repository, query, transformed, size, k, labels)
                for query in MODALITIES
                for transformed in (False, True)
            ]
            name = name_method(method)
            rows.append(TableRow(heads=[(name, 1), (labels.of(repository), 1)], cells=cells, group=name))
    columns = [labels.of(q) + t for q in MODALITIES for t in ("", "(T)")]
    return ResultTable(
        head_columns=("", "searched"), columns=columns, rows=_mark_best(_span_groups(rows), ("cross", "cross-t"))
    )


def chance_row(n_images: int, ks: Sequence[int]) -> list[float]:
    """Return Acc@k of a random order for each k."""
    return [chance_share(k, n_images) for k in ks]


def _place(order: Sequence[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _name_rerank(method: Method, bases: Sequence[Method]) -> str:
    prefix = "" if len(bases) == 1 else f"{name_method(method.base)}: "
    if method.matcher == ALIGN:
        return f"{prefix if len(bases) > 1 else ''}alignment with all"
    if not method.shortlist:
        return prefix + "none"
    return prefix + f"{'patches' if method.rerank == 'patches' else 'alignment'}, best {method.shortlist}"


def _cell(
    results: Results, method: Method, space: str, repository: Modality, query: Modality, transformed: bool,
    size: Size, k: int, labels: Labels,
) -> TableCell:  # fmt: skip
    found = results.find(
        method=method.name, space=space, repository=repository, modality=query, transformed=transformed, size=size
    )
    paper_space = labels.paper(space) if space in ("A", "B") else ""  # type: ignore[arg-type]
    return TableCell(
        estimate=estimate_cells(found, k),
        missing="" if found else results.reasons.get(method.name, ""),
        published=published_share(
            method.name, paper_space, labels.paper(repository), labels.paper(query), transformed=transformed,
            size=size, k=k,
        ),
        tint=tint_of(repository, query, transformed),
    )  # fmt: skip


def _span_groups(rows: Sequence[TableRow]) -> list[TableRow]:
    """Let the first heading of each group span its rows."""
    spanned = []
    for number, row in enumerate(rows):
        is_first = number == 0 or rows[number - 1].group != row.group
        n = sum(r.group == row.group for r in rows) if is_first else 0
        spanned.append(replace(row, heads=[(row.heads[0][0], n), *row.heads[1:]]))
    return spanned


def _mark_best(rows: Sequence[TableRow], tints: Sequence[str]) -> list[TableRow]:
    """Mark the best figure of every column among the cells of each of these kinds."""
    marked = list(rows)
    for column in range(len(rows[0].cells)):
        for tint in tints:
            here = [i for i, row in enumerate(rows) if row.cells[column].tint == tint]
            marked = _mark(marked, here, column)
    return marked


def _mark_columns(rows: Sequence[TableRow]) -> list[TableRow]:
    marked = list(rows)
    for column in range(len(rows[0].cells)):
        marked = _mark(marked, range(len(rows)), column)
    return marked


def _mark(rows: list[TableRow], among: Sequence[int], column: int) -> list[TableRow]:
    shares = [e.share for i in among if (e := rows[i].cells[column].estimate) is not None]
    marked = list(rows)
    for i in among:
        estimate = rows[i].cells[column].estimate
        if estimate is not None and len(shares) > 1 and estimate.share == max(shares) > 0:
            cells = list(marked[i].cells)
            cells[column] = replace(cells[column], is_best=True)
            marked[i] = replace(marked[i], cells=cells)
    return marked
