"""How far a confidence can be believed: the share of right answers against the confidence they were given."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from crosslight.types import Float64

N_BINS = 8


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Queries of similar confidence: its mean, the share of right answers, its standard error, how many they are."""

    confidence: float
    right: float
    error: float
    n_queries: int


def measure_reliability(confidences: Float64, right: Float64) -> list[Bin]:
    """Sort queries into eighths of the range of confidence and return those that have some.

    Parameters
    ----------
    confidences : ndarray of shape (N,), float64
        Of queries whose answer is known, by a model that was fitted without them.
    right : ndarray of shape (N,), float64
        1 where the first hit was right, else 0.
    """
    bins = np.minimum((confidences * N_BINS).astype(int), N_BINS - 1)
    found = []
    for number in np.unique(bins):
        own = bins == number
        share, n = float(right[own].mean()), int(own.sum())
        error = float(np.sqrt((share * (1 - share) + 0.25 / n) / n))
        found.append(Bin(confidence=float(confidences[own].mean()), right=share, error=error, n_queries=n))
    return found


def write_reliability(confidences: Float64, right: Float64, path: Path) -> None:
    """Write the bins as CSV."""
    rows = [asdict(one) for one in measure_reliability(confidences, right)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["confidence", "right", "error", "n_queries"])
        writer.writeheader()
        writer.writerows({**row, **{k: round(row[k], 4) for k in ("confidence", "right", "error")}} for row in rows)


def draw_reliability(confidences: Float64, right: Float64, path: Path) -> None:
    """Draw the bins as a picture; see `measure_reliability`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for one in measure_reliability(confidences, right):
        axes.errorbar(one.confidence, one.right, yerr=one.error, color="#1f6f8b", marker="o", capsize=3)
        place = (one.confidence, one.right)
        axes.annotate(str(one.n_queries), place, (7, -4), textcoords="offset points", fontsize=8)
    brier = float(np.mean((confidences - right) ** 2))
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(-0.02, 1.05), ylim=(-0.05, 1.08))
    axes.set_title(f"{len(right)} questions about validation images, half without their image\nBrier score {brier:.3f}")
    axes.title.set_fontsize(10)
    figure.savefig(path, dpi=110)
