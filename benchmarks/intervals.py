"""One table of several searches: Acc@k with 95 % intervals, errors, and what the confidence is worth.

    intervals.py SEED0.csv SEED1.csv ...

The files are those of `retrieval.py --csv`, one for each seed of training and queries of one set. Intervals are by
bootstrap over seeds and, within each, over images (both directions and all queries of an image go together). The
confidence is judged by its AUROC (right answers against queries without their image), its Brier score over all, and
the share of right answers kept at 1 % false accepts.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from retrieval import KINDS, worth

BEST = (1, 5, 10, 15)
N_DRAWN = 2000

Row = dict[str, str]
Values = NDArray[np.float64]


def read_rows(path: Path) -> list[Row]:
    """Read one search."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows: list[Row], name: str) -> Values:
    """Return one column as numbers."""
    return np.array([float(row[name]) for row in rows])


def interval(searches: list[list[Row]], k: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles of Acc@k over drawn seeds and images."""
    by_image: list[list[Values]] = []
    for rows in searches:
        images: dict[str, list[bool]] = {}
        for row in rows:
            images.setdefault(row["name"], []).append(int(row["rank"]) <= k)
        by_image.append([np.array(found, dtype=float) for found in images.values()])
    drawn = []
    for _ in range(N_DRAWN):
        found: list[Values] = []
        for seed in rng.integers(len(by_image), size=len(by_image)):
            images_of = by_image[seed]
            found += [images_of[i] for i in rng.integers(len(images_of), size=len(images_of))]
        drawn.append(float(np.concatenate(found).mean()))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def describe(kind: str, searches: list[list[Row]]) -> str:
    """Return one row of the table."""
    rows = [row for search in searches for row in search]
    ranks, rng = column(rows, "rank"), np.random.default_rng(0)
    cells = [kind]
    for k in BEST:
        low, high = interval(searches, k, rng)
        cells.append(f"{100 * (ranks <= k).mean():.0f} [{100 * low:.0f}, {100 * high:.0f}]")
    asked = np.array([row["asked"] for row in rows])
    cells.append(" / ".join(f"{100 * (ranks[asked == side] == 1).mean():.0f}" for side in "BA"))
    right = ranks == 1
    cells.append(f"{np.nanmedian(column(rows, 'error_px')):.1f} px" if right.any() else "-")
    area, brier, kept = worth(right, column(rows, "confidence"), column(rows, "without"))
    cells += [f"{area:.3f}", f"{brier:.3f}", f"{100 * kept:.0f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print one row per kind of query."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("searches", type=Path, nargs="+")
    searches = [read_rows(path) for path in parser.parse_args().searches]
    names = [f"Acc@{k}" for k in BEST] + ["B / A", "place", "AUROC", "Brier", "kept at 1 %"]
    print("| queries | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for kind in KINDS:
        of_kind = [[row for row in rows if row["kind"] == kind] for rows in searches]
        if any(of_kind):
            print(describe(kind, of_kind))


if __name__ == "__main__":
    main()
