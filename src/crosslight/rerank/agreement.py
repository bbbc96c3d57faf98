"""Whether the parts of a query agree with the place where the whole fits best.

The correlation of the whole is carried by its strongest structures and channels; at a wrong place often a single one
fits. The mean correlation of the parts, channel by channel, asks for all of them.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from crosslight.rerank.refine import RefineStep, sample_windows
from crosslight.types import Placement, Representation

N_PARTS = 3  # on each side
FLOOR = 0.05  # least energy of a part in one channel, as a share of the mean


def measure_agreement(
    query: Representation,
    size_px: tuple[int, int],
    image: Representation,
    place: Placement,
    *,
    cell_px: float,
    partly: bool,
    device: torch.device,
) -> float:
    """Return the mean correlation in [-1, 1] of the query's 3 x 3 parts with the image, over parts and channels.

    Parameters
    ----------
    query, image : Representation
        Of the query and of one repository image, with equal channels.
    size_px : tuple of int
        Height and width of the query image.
    place : Placement
        Where the query lies.
    cell_px : float
        Cell size in repository pixels.
    partly : bool
        Whether the query may stick out of the image; parts that lie outside do not count.
    """
    step = RefineStep(cell_px=cell_px, reach=0, n_angles=0, angle_step_deg=1.0, partly=partly)
    windows = sample_windows(query, size_px, image, [place], step, device)
    inside = None if windows.inside is None else windows.inside[0, 0] > 0.5
    return correlate_parts(windows.template, windows.values[0], inside)


def correlate_parts(asked: Tensor, there: Tensor, inside: Tensor | None = None) -> float:
    """Return the mean correlation in [-1, 1] of 3 x 3 parts, over parts and channels.

    Parameters
    ----------
    asked, there : Tensor of shape (C, h, w)
        Two representations in the same cells.
    inside : Tensor of shape (h, w), bool, optional
        Cells that count; a part of which less than half does is left out.
    """
    figures, weights = [], []
    for part in _parts(asked):
        a, b = (values[:, part[0], part[1]].flatten(1) for values in (asked, there))
        a, b = (values - values.mean(dim=1, keepdim=True) for values in (a, b))
        figures.append(torch.stack([(a * b).sum(dim=1), a.square().sum(dim=1), b.square().sum(dim=1)]))
        weights.append(1.0 if inside is None else float(inside[part].float().mean() > 0.5))
    product, energy_a, energy_b = torch.stack(figures, dim=1)  # each (parts, C)
    correlation = product / (_at_least(energy_a) * _at_least(energy_b)).sqrt()
    weight = torch.tensor(weights, device=correlation.device)
    return float((correlation.mean(dim=1) * weight).sum() / weight.sum().clamp(min=1))


def _parts(template: Tensor) -> list[tuple[slice, slice]]:
    """Return the rows and columns of each part."""
    rows, cols = (np.linspace(0, n, N_PARTS + 1).round().astype(int).tolist() for n in template.shape[1:])
    return [(slice(r0, r1), slice(c0, c1)) for r0, r1 in pairwise(rows) for c0, c1 in pairwise(cols)]


def _at_least(energy: Tensor) -> Tensor:
    return torch.maximum(energy, FLOOR * energy.mean()).clamp(min=1e-12)
