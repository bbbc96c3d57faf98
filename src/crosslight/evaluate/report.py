"""The report: tables as CSV, plots as PNG, and one page that holds all of it."""

from __future__ import annotations

from pathlib import Path

from crosslight.evaluate.cells import Results
from crosslight.evaluate.page import write_page
from crosslight.evaluate.story import Story, make_tables
from crosslight.evaluate.summary import summarise
from crosslight.evaluate.table_files import write_cells, write_queries, write_summary, write_table


def write_report(out: Path, story: Story, results: Results) -> None:
    """Write everything into the folder `out`: report.html, tables/*.csv, plots/*.png and pictures/*.

    With no finished cell there are only the page and its reasons.
    """
    out.mkdir(parents=True, exist_ok=True)
    tables = make_tables(story, results)
    write_cells(results, out / "tables" / "cells.csv")
    write_queries(results, out / "tables" / "queries.csv")
    for old in (out / "tables").glob("table[123]_*.csv"):  # of an earlier run with other rows
        old.unlink()
    for name, shown in tables.items():
        for one in shown:
            ending = f"_acc{one.k}" if one.k else ""
            write_table(one.table, out / "tables" / f"{name}_{one.size}{ending}.csv")
    summary = summarise(results, story.methods, story.config.sizes, story.ks)
    write_summary(summary, story.ks, out / "tables" / "summary.csv")
    write_page(out, story, results, tables, summary)
