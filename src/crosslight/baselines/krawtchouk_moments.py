"""Weighted Krawtchouk polynomials, and image moments that neither a turn nor a shift nor a change of scale alters.

On a grid of N + 1 points with p = 1/2 the weight is the binomial w(x) = C(N, x) / 2^N, a bell in the middle of the
grid, and the weighted polynomials K_n(x) sqrt(w(x) / rho(n)) are orthonormal (Yap, Paramesran, Ong 2003,
doi 10.1109/TIP.2003.818019). Moving the grid over an image makes the moments local (Sit and Kihara 2014,
doi 10.1109/TIP.2014.2315923). Everything here is written in u = x - N/2, from the middle of the grid.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.polynomial import polynomial
from scipy.special import gammaln

from crosslight.types import Float64

ORDER = 3
TERMS = tuple((i, j) for i in range(ORDER + 1) for j in range(ORDER + 1 - i))  # x^i y^j with i + j <= 3
INVARIANT_TERMS = ((2, 0), (0, 2), (1, 2), (2, 1), (3, 0), (0, 3))  # the others are the same for every image


def root_weight(n: int) -> Float64:
    """Return sqrt(w(x)) at x = 0 .. n, (n + 1,)."""
    x = np.arange(n + 1)
    log_w: Float64 = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1) - n * math.log(2)
    return np.exp(0.5 * log_w)


@lru_cache(maxsize=8)
def coefficients(n: int) -> tuple[Float64, ...]:
    """Return the polynomials K_k / sqrt(rho(k)) of order k = 0 .. 3 as coefficients of 1, u, u^2, u^3.

    K_k(x) is the hypergeometric sum over i of (-k)_i (-x)_i 2^i / ((-n)_i i!), and rho(k) = (-1)^k k! / (-n)_k.
    """
    found = []
    minus_x = np.array([-n / 2, -1.0])  # -x in terms of u
    for k in range(ORDER + 1):
        total: Float64 = np.zeros(1)
        rising_x: Float64 = np.ones(1)
        for i in range(k + 1):
            factor = _rising(-k, i) * 2.0**i / (_rising(-n, i) * math.factorial(i))
            total = np.asarray(polynomial.polyadd(total, factor * rising_x), np.float64)
            rising_x = np.asarray(polynomial.polymul(rising_x, polynomial.polyadd(minus_x, [float(i)])), np.float64)
        rho = (-1) ** k * math.factorial(k) / _rising(-n, k)
        padded = np.zeros(ORDER + 1)
        padded[: len(total)] = total
        found.append(padded / math.sqrt(rho))
    return tuple(found)


def _rising(value: float, count: int) -> float:
    """Return value (value + 1) ... of `count` factors."""
    return math.prod(value + i for i in range(count))


def to_krawtchouk(moments: Float64, n: int) -> Float64:
    """Turn weighted geometric moments into Krawtchouk moments.

    Parameters
    ----------
    moments : ndarray of shape (4, 4, P), float64
        Entry (i, j): the sum of sqrt(w(x) w(y)) f(x, y) u^i v^j over the grid at each of P places, for i + j <= 3.
    n : int
        One less than the points of the grid.

    Returns
    -------
    krawtchouk : ndarray of shape (4, 4, P), float64
        Entry (k, l), k + l <= 3: the sum of K_k(x) K_l(y) sqrt(w(x) w(y) / (rho(k) rho(l))) f(x, y).
    """
    table = np.stack(coefficients(n))
    result = np.zeros_like(moments)
    for k, m in TERMS:
        part = sum(table[k, i] * table[m, j] * moments[i, j] for i in range(k + 1) for j in range(m + 1))
        result[k, m] = part
    return result


def describe_places(moments: Float64, n: int) -> Float64:
    """Return the invariant descriptor of each place, (P, 6): Krawtchouk moments of what is seen there, brought upright.

    The weighted image at a place is moved to its centroid, turned to its main axis (its third moment along the axis
    made positive) and scaled to the mass of the weight itself; then its moments of INVARIANT_TERMS are taken. A place
    where the image is black has zeros.
    """
    mass = moments[0, 0]
    seen = mass > 1e-9 * float(root_weight(n).sum()) ** 2
    safe = np.where(seen, mass, 1.0)
    central = _central(moments, safe)
    upright = _turned(central, 0.5 * np.arctan2(2 * central[1, 1], central[2, 0] - central[0, 2]))
    flip = np.where(upright[3, 0] < 0, -1.0, 1.0)  # half a turn changes the sign of the odd orders
    full = float(root_weight(n).sum()) ** 2
    normal = np.zeros_like(moments)
    for i, j in TERMS:
        order = i + j
        sign = flip if order % 2 else 1.0
        normal[i, j] = sign * upright[i, j] * (full / safe) ** (order / 2 + 1)
    krawtchouk = to_krawtchouk(normal, n)
    found = np.stack([krawtchouk[i, j] for i, j in INVARIANT_TERMS], axis=1)
    return np.where(seen[:, None], found, 0.0)


def _central(moments: Float64, mass: Float64) -> Float64:
    """Return the moments about the centroid."""
    x, y = moments[1, 0] / mass, moments[0, 1] / mass
    result = np.zeros_like(moments)
    for i, j in TERMS:
        for p in range(i + 1):
            for q in range(j + 1):
                factor = math.comb(i, p) * math.comb(j, q)
                result[i, j] += factor * (-x) ** (i - p) * (-y) ** (j - q) * moments[p, q]
    return result


def _turned(central: Float64, angle: Float64) -> Float64:
    """Return the moments along axes turned by `angle` (from x towards y)."""
    c, s = np.cos(angle), np.sin(angle)
    result = np.zeros_like(central)
    for i, j in TERMS:
        for p in range(i + 1):
            for q in range(j + 1):
                # (c u + s v)^i (-s u + c v)^j, the term with u^(p + q)
                factor = math.comb(i, p) * math.comb(j, q)
                power = c**p * s ** (i - p) * (-s) ** q * c ** (j - q)
                result[i, j] += factor * power * central[p + q, i + j - p - q]
    return result
