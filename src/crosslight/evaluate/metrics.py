"""How often the right image is among the first k, and how sure that figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosslight.types import Float64

TOP_K = (1, 5, 10, 15, 30)
Z_95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval
N_RESAMPLES = 4000


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A share with its 95 % interval, all in [0, 1], over `n` queries in all."""

    share: float
    low: float
    high: float
    n: int


def rank_truth(similarities: Float64, truth: int) -> int:
    """Return the rank of the true image, 1 being best; images that are exactly as similar count as better."""
    return int(np.count_nonzero(similarities >= similarities[truth]))


def order_hits(similarities: Float64, truth: int | None) -> NDArray[np.intp]:
    """Return image numbers, most similar first; among equals the true one last, so that `rank_truth` is its place."""
    numbers = np.arange(len(similarities))
    return np.lexsort((numbers, numbers == (-1 if truth is None else truth), -similarities))


def success_share(ranks: Sequence[float] | Float64, k: int) -> float:
    """Return Acc@k, the share of ranks that are at most `k`; an image that was not found has rank infinity."""
    return float(np.mean(np.asarray(ranks, float) <= k)) if len(ranks) else math.nan


def chance_share(k: int, n_images: int) -> float:
    """Return Acc@k of a random order of `n_images`."""
    return min(1.0, k / n_images)


def wilson_interval(n_successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, doi 10.1080/01621459.1927.10502953); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share, z2 = n_successes / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_interval(groups: Sequence[tuple[int, int]], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of several groups' shares.

    Each group, (successes, n), is drawn anew with replacement `N_RESAMPLES` times; for right-or-wrong answers that is a
    binomial draw.
    """
    rng = np.random.default_rng(seed)
    means = np.mean([rng.binomial(n, good / n, N_RESAMPLES) / n for good, n in groups], axis=0)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def estimate_success(groups: Sequence[Sequence[float]], k: int) -> Estimate:
    """Return Acc@k with its interval.

    Parameters
    ----------
    groups : sequence of sequences of float
        Ranks. Several groups (directions, folds) count the same, whatever their size: the share is the mean of their
        shares. Empty groups are left out.
    k : int
        How many hits are looked at.

    Returns
    -------
    estimate : Estimate
        With Wilson's interval for one group and a bootstrap interval for several.

    Raises
    ------
    ValueError
        If no group holds a rank.
    """
    counts = [(sum(r <= k for r in ranks), len(ranks)) for ranks in groups if len(ranks)]
    if not counts:
        raise ValueError("there is no rank to count")
    interval = wilson_interval(*counts[0]) if len(counts) == 1 else bootstrap_interval(counts)
    share = float(np.mean([good / n for good, n in counts]))
    return Estimate(share=share, low=interval[0], high=interval[1], n=sum(n for _, n in counts))
