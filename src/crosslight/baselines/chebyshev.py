"""Discrete Chebyshev (Tchebichef) moments of an image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from crosslight.types import Float32, Float64


@lru_cache(maxsize=64)
def chebyshev_polynomials(n: int, order: int) -> Float64:
    """Return the orthonormal discrete Chebyshev polynomials of degree 0 .. `order` on 0 .. n - 1, (order + 1, n).

    By the recurrence of Mukundan 2004 (doi 10.1016/j.patrec.2004.04.006), re-orthonormalised so that rounding does not
    grow. Degrees from n on do not exist and are zero.
    """
    x = np.arange(n, dtype=np.float64)
    rows = np.zeros((order + 1, n))
    rows[0] = 1 / np.sqrt(n)
    for k in range(1, min(order, n - 1) + 1):
        row = (2 * x + 1 - n) * rows[k - 1]
        for lower in rows[:k]:
            row -= (row @ lower) * lower
        rows[k] = row / np.linalg.norm(row)
    return rows


def chebyshev_moments(grey: Float32, order: int) -> Float64:
    """Return the moments T_pq with p + q <= `order` of an image (H, W), divided by the square root of H W.

    The first is the image's mean; the order of the list is (0, 0), (0, 1), ..., p along the rows. The division makes
    images of other sizes comparable; the moments are not invariant to turns.
    """
    height, width = grey.shape
    moments = chebyshev_polynomials(height, order) @ grey.astype(np.float64) @ chebyshev_polynomials(width, order).T
    values = [moments[p, q] for p in range(order + 1) for q in range(order + 1 - p)]
    scaled: Float64 = np.array(values) / np.sqrt(height * width)
    return scaled
