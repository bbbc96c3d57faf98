"""How far a confidence can be believed: the share of right answers against the confidence they were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crosslight.types import Float64

N_BINS = 8


def draw_reliability(confidences: Float64, right: Float64, path: Path) -> None:
    """Draw a reliability plot.

    Parameters
    ----------
    confidences : ndarray of shape (N,), float64
        Of queries whose answer is known, by a model that was fitted without them.
    right : ndarray of shape (N,), float64
        1 where the first hit was right, else 0.
    path : Path
        The picture to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    bins = np.minimum((confidences * N_BINS).astype(int), N_BINS - 1)
    for number in np.unique(bins):
        own = bins == number
        share, n = right[own].mean(), int(own.sum())
        error = np.sqrt((share * (1 - share) + 0.25 / n) / n)
        axes.errorbar(confidences[own].mean(), share, yerr=error, color="#1f6f8b", marker="o", capsize=3)
        axes.annotate(str(n), (confidences[own].mean(), share), (7, -4), textcoords="offset points", fontsize=8)
    brier = float(np.mean((confidences - right) ** 2))
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(-0.02, 1.05), ylim=(-0.05, 1.08))
    axes.set_title(f"{len(right)} questions about validation images, half without their image\nBrier score {brier:.3f}")
    axes.title.set_fontsize(10)
    figure.savefig(path, dpi=110)
