"""How far a confidence can be believed on queries that played no part in measuring it: a picture, and its figures.

    reliability.py MAP=map-0.csv,map-1.csv THERMAL=thermal-0.csv [--out reliability.jpg]

Each set names the files of `retrieval.py --csv`, one for each seed. Every query counts twice: with its image in the
repository, and without it, where no answer is right. Printed is, for each set, the Brier score and the expected
calibration error: how far confidence and share of right answers lie apart, the mean over all queries.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from intervals import Row, Values, column, read_rows
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from crosslight.show.reliability import measure_reliability


def asked_twice(rows: list[Row]) -> tuple[Values, Values]:
    """Return confidence, and 1 where the answer was right, of all queries with and without their image."""
    right = (column(rows, "rank") == 1).astype(float)
    return np.concatenate([column(rows, "confidence"), column(rows, "without")]), np.append(right, np.zeros(len(rows)))


def calibration_error(confidences: Values, right: Values) -> float:
    """Return the mean distance of confidence and share of right answers over bins, weighed by their queries."""
    bins = measure_reliability(confidences, right)
    return sum(one.n_queries * abs(one.confidence - one.right) for one in bins) / len(right)


def draw_set(axes: Axes, name: str, confidences: Values, right: Values) -> None:
    """Draw one set: a point for each bin, with its standard error and the number of its queries."""
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    bins = measure_reliability(confidences, right)
    x, y, error = ([getattr(one, value) for one in bins] for value in ("confidence", "right", "error"))
    axes.errorbar(x, y, yerr=error, marker="o", markersize=4, capsize=2, linewidth=1, color="#1f6f8b")
    for one in bins:
        axes.annotate(str(one.n_queries), (one.confidence, one.right), (4, -11), textcoords="offset points", fontsize=7)
    axes.set(title=name, xlabel="confidence", xlim=(-0.05, 1.12), ylim=(-0.08, 1.08))


def main() -> None:
    """Print one line per set, and draw them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=CSV,CSV")
    parser.add_argument("--out", type=Path, default=Path("reliability.jpg"))
    a = parser.parse_args()
    sets = dict(one.split("=", 1) for one in a.sets)
    figure = Figure(figsize=(3 * len(sets), 3.2), layout="constrained")
    panels = figure.subplots(1, len(sets), squeeze=False, sharey=True)[0]
    print("| set | queries | Brier score | calibration error |\n| --- | --- | --- | --- |")
    for axes, (name, files) in zip(panels, sets.items(), strict=True):
        rows = [row for file in files.split(",") for row in read_rows(Path(file))]
        confidences, right = asked_twice(rows)
        brier, error = float(np.mean((confidences - right) ** 2)), calibration_error(confidences, right)
        print(f"| {name} | {len(rows)} | {brier:.3f} | {error:.3f} |")
        draw_set(axes, name, confidences, right)
    panels[0].set_ylabel("share of right answers")
    figure.savefig(a.out, dpi=130)


if __name__ == "__main__":
    main()
