"""ReliefF: how well each feature tells near neighbours of other classes from those of the same class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float64


def relieff(features: Float64, classes: NDArray[np.intp], n_neighbours: int = 10) -> Float64:
    """Return the weight of every feature (Kononenko 1994, doi 10.1007/3-540-57868-4_57).

    Parameters
    ----------
    features : ndarray of shape (N, F), float64
    classes : ndarray of shape (N,), integer
        Rows of one class are to be near to each other.
    n_neighbours : int
        Nearest rows looked at, in the same class and in each other class; fewer where a class has fewer.

    Returns
    -------
    weights : ndarray of shape (F,), float64
        In [-1, 1], higher is better. Differences are divided by the feature's range; distances are their sums.
    """
    spread = features.max(axis=0) - features.min(axis=0)
    scaled = (features - features.min(axis=0)) / np.where(spread > 0, spread, 1)
    labels, counts = np.unique(classes, return_counts=True)
    priors = dict(zip(labels.tolist(), (counts / len(classes)).tolist(), strict=True))
    weights = np.zeros(features.shape[1])
    members = {label: np.flatnonzero(classes == label) for label in priors}
    for index, label in enumerate(classes.tolist()):
        differences = np.abs(scaled - scaled[index])
        distances = differences.sum(axis=1)
        distances[index] = np.inf  # not itself
        for other, prior in priors.items():
            near = members[other][np.argsort(distances[members[other]], kind="stable")]
            near = near[np.isfinite(distances[near])][:n_neighbours]
            if len(near):
                share = -1.0 if other == label else prior / (1 - priors[label])
                weights += share * differences[near].mean(axis=0)
    return weights / len(features)
