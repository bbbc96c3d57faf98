"""The confidence separates right answers from wrong ones, and its cross-validation and plot are usable."""

from pathlib import Path

import cv2
import numpy as np

from crosslight.rerank.confidence import confidence_features, cross_validate, fit_calibration, top_confidence
from crosslight.show.reliability import draw_reliability, measure_reliability, write_reliability


def rankings(n: int) -> tuple[list[list[float]], np.ndarray, list[str]]:
    """Return similarities of n queries with their image, then without: the right one stands out."""
    rng = np.random.default_rng(0)
    wrong = [sorted(rng.normal(0.2, 0.03, 20), reverse=True) for _ in range(2 * n)]
    found = [[0.5 + rng.normal(0, 0.08), *w] if i < n else w for i, w in enumerate(wrong)]
    return found, np.repeat([1.0, 0.0], n), [str(i % n) for i in range(2 * n)]


def test_cross_validated_confidence_separates_and_is_drawn(tmp_path: Path) -> None:
    found, right, groups = rankings(30)
    features = np.array([confidence_features(f) for f in found])
    confidences = cross_validate(features, right, groups)
    assert confidences[right == 1].mean() > 0.9 > 0.1 > confidences[right == 0].mean()
    draw_reliability(confidences, right, tmp_path / "c.png")
    assert cv2.imread(str(tmp_path / "c.png")).std() > 10


def test_reliability_counts_every_query_once_in_the_bin_of_its_confidence(tmp_path: Path) -> None:
    confidences, right = np.array([0.01, 0.11, 0.5, 0.99, 1.0]), np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    bins = measure_reliability(confidences, right)
    assert [(round(b.confidence, 3), b.right, b.n_queries) for b in bins] == [(0.06, 0, 2), (0.5, 1, 1), (0.995, 1, 2)]
    assert all(b.error > 0 for b in bins)  # a few right answers do not make certain
    write_reliability(confidences, right, tmp_path / "c.csv")
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert lines[0] == "confidence,right,error,n_queries" and lines[1].startswith("0.06,0.0,") and len(lines) == 4


def test_a_lead_raises_the_confidence() -> None:
    found, right, _ = rankings(30)
    known = fit_calibration(np.array([confidence_features(f) for f in found]), right)
    assert known.n_queries == 60
    rest = [0.25 - 0.005 * i for i in range(15)]
    assert top_confidence([0.6, *rest], known) > 0.9 > 0.3 > top_confidence([0.26, *rest], known)
