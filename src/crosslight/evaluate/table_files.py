"""Results as CSV files: one row per cell, one row per query, and the tables as they are printed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from crosslight.evaluate.cells import CellResult, Results
from crosslight.evaluate.metrics import TOP_K, chance_share, estimate_success
from crosslight.evaluate.summary import SummaryRow
from crosslight.evaluate.tables import ResultTable

CELL_COLUMNS = ("fold", "method", "space", "repository", "query", "transformed", "size")
COST_COLUMNS = ("seconds_per_query", "prepare_s", "peak_bytes", "grown_bytes")


def write_cells(results: Results, path: Path) -> None:
    """Write Acc@k with its interval, a random order's Acc@k, time and memory of every cell."""
    measured = [f"acc{k}{part}" for k in TOP_K for part in ("", "_low", "_high")]
    chance = [f"chance{k}" for k in TOP_K]
    header = [*CELL_COLUMNS, "n_queries", "n_images", *measured, *chance]
    rows = [[*_place(r), *_figures(r)] for r in results.results]
    _write(path, [*header, *COST_COLUMNS], rows)


def write_summary(summary: Sequence[SummaryRow], ks: Sequence[int], path: Path) -> None:
    """Write one row per method and size: transformed queries across modalities, time and memory."""
    header = ["method", "size", *(f"acc{k}{part}" for k in ks for part in ("", "_low", "_high"))]
    rows = [
        [row.method, size, *(f"{v:.4f}" for e in estimates for v in (e.share, e.low, e.high)), *_cost(row)]
        for row in summary
        for size, estimates in row.shares.items()
    ]
    _write(path, [*header, *COST_COLUMNS], rows)


def write_queries(results: Results, path: Path) -> None:
    """Write the rank of the true image and the first hit of every query."""
    rows = [
        [*_place(result), name, rank, result.images[top[0]]]
        for result in results.results
        for name, rank, top in zip(result.queries, result.ranks, result.top, strict=True)
    ]
    _write(path, [*CELL_COLUMNS, "name", "rank", "first_hit"], rows)


def write_table(table: ResultTable, path: Path) -> None:
    """Write a table as it is shown: percent, then the interval and the published figure in columns of their own."""
    parts = [f"{c}{part}" for c in table.columns for part in ("", " low", " high", " published")]
    rows, heads = [], [""] * len(table.head_columns)
    for row in table.rows:
        heads = [text if span else old for (text, span), old in zip(row.heads, heads, strict=True)]
        figures: list[str] = []
        for cell in row.cells:
            e = cell.estimate
            figures += ["", "", ""] if e is None else [_percent(e.share), _percent(e.low), _percent(e.high)]
            figures.append("" if cell.published is None else _percent(cell.published))
        rows.append([*heads, *figures])
    names = [c or f"row{i}" for i, c in enumerate(table.head_columns, start=1)]
    _write(path, [*names, *parts], rows)


def _place(result: CellResult) -> list[object]:
    cell, kind = result.cell, result.cell.kind
    return [cell.fold, cell.method, cell.space, cell.repository, kind.modality, int(kind.transformed), kind.size]


def _cost(measured: CellResult | SummaryRow) -> list[object]:
    return [f"{measured.seconds:.4f}", f"{measured.prepare_s:.2f}", measured.peak_bytes, measured.grown_bytes]


def _figures(result: CellResult) -> list[object]:
    values: list[object] = [len(result.queries), len(result.images)]
    for k in TOP_K:
        estimate = estimate_success([result.ranks], k)
        values += [f"{v:.4f}" for v in (estimate.share, estimate.low, estimate.high)]
    values += [f"{chance_share(k, len(result.images)):.4f}" for k in TOP_K]
    return [*values, *_cost(result)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    temporary.replace(path)
