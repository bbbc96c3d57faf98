"""Coarse alignment of queries that may stick out of the repository image: both have a mask.

Padfield 2012, doi 10.1109/TIP.2011.2181402, with the image's sums taken under the mask averaged over angles. What
depends on the size of an image alone is computed once for all images of that size.
"""

from __future__ import annotations

import torch
from torch import Tensor

from crosslight.rerank.correlate import (
    ENERGY_FLOOR,
    Spectra,
    correlate_values,
    local_sums,
    transform_template,
)
from crosslight.rerank.templates import Templates

LEAST_SHARE = 0.1  # least energy of the query inside the image, as a share of what its area would hold on average


def correlate_partly(templates: Templates, spectra: Spectra, overlap: float) -> Tensor:
    """Return the similarity of every image, angle and place where at least `overlap` of the query lies inside.

    Returns
    -------
    similarity : Tensor of shape (I, A, rows, cols), float32
        Times the square root of the share inside, since less area correlates more by chance; -1 where not allowed.
    """
    mask = transform_template(templates.mask, spectra.shape)
    sums = local_sums(mask, spectra)
    squares = torch.fft.irfft2(spectra.energy * mask, s=spectra.shape)
    result = correlate_values(templates, spectra)
    sizes, groups = torch.unique(spectra.sizes, dim=0, return_inverse=True)
    area = templates.mask.sum()
    for number, (height, width) in enumerate(sizes.tolist()):
        inside = sums.new_zeros(spectra.shape)
        inside[:height, :width] = 1
        allowed = inside.bool()
        spectrum = torch.fft.rfft2(inside)
        count = torch.fft.irfft2(spectrum * mask, s=spectra.shape).clamp(min=1)
        asked, energy = _query_inside(templates, spectrum, count, spectra.shape)
        share = (count / area).clamp(max=1)
        allowed &= share >= overlap
        for i in torch.nonzero(groups == number).flatten().tolist():
            numerator = result[i] - torch.einsum("cyx,acyx->ayx", sums[i] / count, asked)
            floor = ENERGY_FLOOR**2 * spectra.usual_energy[i].clamp(min=1e-6) * count
            there = torch.maximum(squares[i] - sums[i].square().sum(dim=0) / count, floor)
            similarity = numerator / (there * torch.maximum(energy, LEAST_SHARE * share)).sqrt() * share.sqrt()
            result[i] = similarity.masked_fill(~allowed, -1.0)
    return result


def _query_inside(templates: Templates, inside: Tensor, count: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the query's sums (A, C, rows, cols) and its energy (A, rows, cols) over what lies inside the image."""
    sums = torch.fft.irfft2(inside * transform_template(templates.values, shape), s=shape)
    squares = transform_template(templates.values.square().sum(dim=1), shape)
    energy = torch.fft.irfft2(inside * squares, s=shape) - sums.square().sum(dim=1) / count
    return sums, energy
