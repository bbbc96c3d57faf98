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


def shown_ks(n_images: int) -> list[int]:
    """Return the k of the paper that say something: those below the number of images; 1 where there is none."""
    return [k for k in TOP_K if k < n_images] or [1]


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `n` answers (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    (0, 1) for n = 0.
    """
    if n == 0:
        return 0.0, 1.0
    z2 = Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def estimate_success(groups: Sequence[Sequence[float]], k: int, n_independent: int | None = None) -> Estimate:
    """Return Acc@k with its interval.

    Parameters
    ----------
    groups : sequence of sequences of float
        Ranks. Several groups (directions, folds) count the same, whatever their size: the share is the mean of their
        shares. Empty groups are left out.
    k : int
        How many hits are looked at.
    n_independent : int, optional
        How many answers the interval counts; by default all. The two directions of a pair are not independent, so who
        averages over directions gives the number of pairs.

    Returns
    -------
    estimate : Estimate
        With Wilson's interval around the share.

    Raises
    ------
    ValueError
        If no group holds a rank.
    """
    groups = [ranks for ranks in groups if len(ranks)]
    if not groups:
        raise ValueError("there is no rank to count")
    share = float(np.mean([success_share(ranks, k) for ranks in groups]))
    n = sum(map(len, groups))
    low, high = wilson_interval(share, n if n_independent is None else n_independent)
    return Estimate(share=share, low=low, high=high, n=n)
