"""Discs: what lies around a place, said so that a turned query is compared with an image as it is.

A disc is divided into rings and these into sectors (as in GLOH, Mikolajczyk and Schmid 2005, doi
10.1109/TPAMI.2005.188, and DAISY, Tola et al. 2010, doi 10.1109/TPAMI.2009.77). Each bin holds the mean of the positive
and of the negative part of each channel. To turn a query only the bins are turned: a representation turns as its image
does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.geometry import query_axes
from crosslight.types import Float32, Float64, Representation

DISC_PX = 96  # diameter, in pixels of the repository
STEP_PX = 24  # from one disc to the next
CELL_PX = 4  # cells are pooled to about this size first
SECTORS = (1, 6, 12, 12)  # of each ring, from the middle out
N_BINS = sum(SECTORS)  # D is the number of channels' parts times this: the bins of a part follow each other
MOST_ALONG = 5  # discs along either side of a query
LEAST_SEEN = 0.05  # share of a bin that has to lie inside a small image


def describe_discs(representation: Representation) -> Float32:
    """Describe the discs of an image, one every `STEP_PX` from its upper left corner.

    Returns
    -------
    values : ndarray of shape (rows, columns, D), float32
        Of unit length, or zeros where there is nothing to see. An image smaller than a disc has one, of which only the
        middle is seen.
    """
    features, cell = _features(representation)
    n, step = max(1, round(DISC_PX / cell)), STEP_PX / cell
    tops, lefts = ([round(i * step) for i in range(1 + int(max(0, side - n) / step))] for side in features.shape[1:])
    bins = _bins(n, 0.0, flipped=False)[None]
    return np.stack([_pool(features, n, [top], lefts, bins)[0].numpy() for top in tops])


def describe_turned(
    representation: Representation, angles_deg: Sequence[float], *, scale: float = 1.0, flipped: bool = False
) -> tuple[Float32, Float64]:
    """Describe discs spread over a query as they look in an image where it lies turned.

    Parameters
    ----------
    representation : Representation
        Of the query.
    angles_deg : sequence of float
        The T angles it may lie at; see `crosslight.geometry`.
    scale : float
        Repository pixels per query pixel.
    flipped : bool
        Whether it lies mirrored.

    Returns
    -------
    values : ndarray of shape (T, O, D), float32
        O discs, at most 25, each described as by `describe_discs`.
    steps : ndarray of shape (T, O, 2), float64
        Where each lies in the image, (x, y) from the query's middle, in steps of the image's discs.
    """
    features, cell = _features(representation)
    disc, step = DISC_PX / scale / cell, STEP_PX / scale / cell
    n = max(1, round(disc))
    starts = [_spread(side, n, min(MOST_ALONG, 1 + math.ceil(max(0, side - n) / step))) for side in features.shape[1:]]
    bins = torch.stack([_bins(n, angle, flipped=flipped) for angle in angles_deg])
    middle_y, middle_x = ((max(side, n) - n) / 2 for side in features.shape[1:])
    from_middle = np.array([(x - middle_x, y - middle_y) for y in starts[0] for x in starts[1]]) * cell / STEP_PX
    steps = np.stack([from_middle @ query_axes(angle, scale, flipped).T for angle in angles_deg])
    return _pool(features, n, starts[0], starts[1], bins).numpy(), steps


def _features(representation: Representation) -> tuple[Tensor, float]:
    """Return the positive and negative parts (2 C, h, w) in cells of about `CELL_PX`, and their size in pixels."""
    values = torch.from_numpy(representation.values)
    parts = torch.cat([values.clamp(min=0), (-values).clamp(min=0)])
    factor = max(1, CELL_PX // representation.stride)
    if factor > 1:
        parts = functional.avg_pool2d(parts[None], factor, ceil_mode=True, count_include_pad=False)[0]
    return parts, float(representation.stride * factor)


def _spread(side: int, n: int, count: int) -> list[int]:
    """Return where `count` windows of `n` cells begin so that they cover `side` cells evenly."""
    return [round(float(at)) for at in np.linspace(0, max(0, side - n), count)]


def _bins(n: int, angle_deg: float, *, flipped: bool) -> Tensor:
    """Return the weights (B, n, n) of a query's cells in the bins of the image's directions; each sums to 1."""
    at = (torch.arange(n) - (n - 1) / 2) / (n / 2)
    offsets = torch.stack(torch.meshgrid(at, at, indexing="xy"))
    x, y = torch.einsum("ij,jyx->iyx", torch.from_numpy(query_axes(angle_deg, 1.0, flipped)).float(), offsets)
    radius, direction = torch.hypot(x, y), torch.atan2(-y, x)
    inside = ((1 - radius) * n / 2 + 0.5).clamp(0, 1)
    bins = []
    for ring, n_sectors in enumerate(SECTORS):
        middle = (ring + 0.5) / len(SECTORS)
        off = (radius - middle) * len(SECTORS)
        off = off.clamp(min=0) if ring == 0 else off.clamp(max=0) if ring == len(SECTORS) - 1 else off
        share = (1 - off.abs()).clamp(min=0) * inside
        for sector in range(n_sectors):
            turn = torch.remainder(direction / (2 * math.pi) - sector / n_sectors + 0.5, 1) - 0.5
            bins.append(share if n_sectors == 1 else share * (1 - turn.abs() * n_sectors).clamp(min=0))
    weights = torch.stack(bins)
    return weights / weights.sum((1, 2), keepdim=True).clamp(min=1e-9)


def _pool(features: Tensor, n: int, tops: Sequence[int], lefts: Sequence[int], bins: Tensor) -> Tensor:
    """Return the means (T, O, 2 C B) of features in the bins (T, B, n, n) of each window, of unit length.

    Where a window is larger than the features, what it sees in a bin counts, and their mean where it sees nothing.
    """
    n_turns, n_bins = bins.shape[:2]
    weights = bins.reshape(n_turns * n_bins, n * n)
    lacking = [max(0, n - side) for side in features.shape[1:]]
    around = (lacking[1] // 2, -(-lacking[1] // 2), lacking[0] // 2, -(-lacking[0] // 2))
    padded = functional.pad(features, around)
    windows = torch.stack([padded[:, y : y + n, x : x + n] for y in tops for x in lefts])
    means = windows.reshape(-1, n * n) @ weights.T
    if any(lacking):
        seen = weights @ functional.pad(torch.ones(features.shape[1:]), around)[:n, :n].reshape(-1)
        unseen = features.mean((1, 2)).repeat(len(windows))[:, None]
        means = torch.where(seen > LEAST_SEEN, means / seen.clamp(min=LEAST_SEEN), unseen)
    values = means.view(len(windows), len(features), n_turns, n_bins).permute(2, 0, 1, 3).flatten(2)
    return functional.normalize(values, dim=-1)
