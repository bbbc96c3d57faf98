"""How sure: the calibrated probability that the top hit is the right image.

A logistic model of three figures of the measured similarities of one query: the best, its lead over the second, and
its distance from the others in their own spread. It is fitted on queries whose answer is known, each asked twice:
with its image in the repository and without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize

from crosslight.types import Float64

N_BACKGROUND = 15  # hits that show how wrong images score
N_PARTS = 5  # of cross-validation
SPREAD = 0.03  # of similarities: by so much more an image is e times as likely


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Logistic weights of (similarity, lead, distance) and the constant term.

    The standing values were fitted on validation queries of several modality pairs; `fit` replaces them by values of
    the model's own validation pairs.
    """

    similarity: float = 12.5
    lead: float = 8.3
    distance: float = 0.44
    constant: float = -8.1
    n_queries: int = 0


def confidence_features(similarities: Sequence[float]) -> Float64:
    """Return (best, lead over the second, distance from the background in its standard deviations).

    `similarities` are those of one ranking, best first. A single hit has no background: its lead and distance are 0.
    """
    s = np.asarray(similarities[: N_BACKGROUND + 1], dtype=np.float64)
    if len(s) < 2:
        return np.array([s[0] if len(s) else 0.0, 0.0, 0.0])
    rest = s[1:]
    spread = max(float(rest.std()), 0.02)
    return np.array([s[0], s[0] - s[1], min(20.0, (s[0] - float(rest.mean())) / spread)])


def top_confidence(similarities: Sequence[float], calibration: Calibration) -> float:
    """Return the probability in [0, 1] that the first hit is right."""
    return _probability(confidence_features(similarities), calibration)


def _probability(features: Float64, calibration: Calibration) -> float:
    weights = np.array([calibration.similarity, calibration.lead, calibration.distance])
    logit = float(features @ weights) + calibration.constant
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def share_confidence(similarities: Sequence[float], calibration: Calibration) -> list[float]:
    """Return a confidence per hit: the first is calibrated, the others share what is left by their similarity."""
    if not similarities:
        return []
    top = top_confidence(similarities, calibration)
    rest = np.exp((np.asarray(similarities[1:], dtype=np.float64) - similarities[0]) / SPREAD)
    share = rest / max(1.0, float(rest.sum()))
    return [top, *(float(v) for v in np.minimum((1 - top) * share, top))]


def fit_calibration(features: Float64, right: Float64) -> Calibration:
    """Fit the logistic weights.

    Parameters
    ----------
    features : ndarray of shape (N, 3), float64
        Rows of `confidence_features`.
    right : ndarray of shape (N,), float64
        1 where the first hit was right, else 0. With fewer than ten queries or one outcome only, the standing values
        are kept.
    """
    standing = Calibration()
    if len(right) < 10 or right.min() == right.max():
        return standing
    prior = np.array([standing.similarity, standing.lead, standing.distance, standing.constant])
    scale = np.array([10.0, 25.0, 0.5, 5.0])
    x = np.hstack([features, np.ones((len(features), 1))])

    def loss(w: Float64) -> float:
        logit = x @ w
        fit = np.logaddexp(0, logit) - right * logit
        return float(fit.sum() + 0.5 * (((w - prior) / scale) ** 2).sum())

    bounds = [(0, None), (0, None), (0, None), (None, None)]
    w = scipy.optimize.minimize(loss, prior, method="L-BFGS-B", bounds=bounds).x
    return Calibration(
        similarity=float(w[0]), lead=float(w[1]), distance=float(w[2]), constant=float(w[3]), n_queries=len(right)
    )


def cross_validate(features: Float64, right: Float64, groups: Sequence[str]) -> Float64:
    """Return the confidence of every query by a model that was fitted without its group's queries.

    Parameters
    ----------
    features : ndarray of shape (N, 3), float64
        Rows of `confidence_features`.
    right : ndarray of shape (N,), float64
        1 where the first hit was right, else 0.
    groups : sequence of str
        The image a query was cut from; whole images go into one of five parts.

    Returns
    -------
    confidences : ndarray of shape (N,), float64
    """
    order = {group: number % N_PARTS for number, group in enumerate(dict.fromkeys(groups))}
    part = np.array([order[group] for group in groups])
    confidences = np.zeros(len(right))
    for number in range(N_PARTS):
        own = part == number
        if own.any():
            calibration = fit_calibration(features[~own], right[~own])
            confidences[own] = [_probability(row, calibration) for row in features[own]]
    return confidences
