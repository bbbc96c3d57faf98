"""Coarse alignment: masked normalised cross-correlation of turned queries with many images, by FFT.

Padfield 2012, "Masked object registration in the Fourier domain", doi 10.1109/TIP.2011.2181402. The query's mean is
taken out inside its mask beforehand, so that the numerator is one product per angle. The local energy of the image
under the mask hardly depends on the angle; it is computed once for the mask averaged over all angles. Only the order of
candidates rests on this; `refine` measures the similarity exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import scipy.fft
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.rerank.templates import Templates

BORDER_CELLS = 1.0  # how far a turned corner may stick out of the image
ENERGY_FLOOR = 0.02  # least local standard deviation, as a share of a representation's usual one


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra:
    """Fourier transforms of a batch of pooled representations, padded with zeros to one size.

    Attributes
    ----------
    values : Tensor of shape (F, I, C), complex64
        One matrix per frequency.
    energy : Tensor of shape (I, n, n // 2 + 1), complex64
        Of the squares, summed over channels.
    shape : tuple of int
        (rows, cols) of the padded images.
    sizes : Tensor of shape (I, 2)
        Height and width in cells before padding.
    usual_energy : Tensor of shape (I,)
        Mean square per cell.
    """

    values: Tensor
    energy: Tensor
    shape: tuple[int, int]
    sizes: Tensor
    usual_energy: Tensor


def make_spectra(images: Sequence[Tensor], border: int = 1) -> Spectra:
    """Transform pooled representations of shape (C, h, w) once, to be correlated with any number of queries.

    `border` cells of zeros separate an image from its periodic repetition: 1 while queries lie inside, else the
    radius of the turned query.
    """
    rows, cols = (scipy.fft.next_fast_len(max(i.shape[d] for i in images) + border, real=True) for d in (1, 2))
    stack = images[0].new_zeros((len(images), images[0].shape[0], rows, cols))
    for slot, image in zip(stack, images, strict=True):
        slot[:, : image.shape[1], : image.shape[2]] = image
    transformed = torch.fft.rfft2(stack)
    squares = stack.square().sum(dim=1)
    sizes = torch.tensor([i.shape[1:] for i in images], device=stack.device)
    return Spectra(
        values=transformed.flatten(2).permute(2, 0, 1).contiguous(),
        energy=torch.fft.rfft2(squares),
        shape=(rows, cols),
        sizes=sizes,
        usual_energy=squares.sum(dim=(1, 2)) / sizes.prod(dim=1),
    )


def transform_template(template: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the conjugate spectrum of (..., K, K) placed with its middle cell at the origin."""
    radius = template.shape[-1] // 2
    ry, rx = (min(radius, (n - 1) // 2) for n in shape)
    middle = template[..., radius - ry : radius + ry + 1, radius - rx : radius + rx + 1]
    padded = functional.pad(middle, (0, shape[1] - middle.shape[-1], 0, shape[0] - middle.shape[-2]))
    spectrum: Tensor = torch.fft.rfft2(torch.roll(padded, (-ry, -rx), dims=(-2, -1))).conj()
    return spectrum


def correlate_values(templates: Templates, spectra: Spectra) -> Tensor:
    """Return the products of every image and turned query at every place, summed: (I, A, rows, cols)."""
    turned = transform_template(templates.values, spectra.shape).flatten(2).permute(2, 1, 0)
    return _back(torch.bmm(spectra.values, turned), spectra.shape)


def local_sums(mask_spectrum: Tensor, spectra: Spectra) -> Tensor:
    """Return the sums of every image and channel under the mask at every place: (I, C, rows, cols)."""
    return _back(spectra.values * mask_spectrum.flatten()[:, None, None], spectra.shape)


def _back(product: Tensor, shape: tuple[int, int]) -> Tensor:
    """Transform (F, I, N) back to (I, N, rows, cols)."""
    _, n_images, n = product.shape
    back: Tensor = torch.fft.irfft2(product.permute(1, 2, 0).reshape(n_images, n, shape[0], -1), s=shape)
    return back


def correlate(templates: Templates, spectra: Spectra) -> Tensor:
    """Return the similarity of every image, angle and place: (I, A, rows, cols) float32, -1 where not allowed."""
    shape = spectra.shape
    numerator = correlate_values(templates, spectra)
    mask = transform_template(templates.mask, shape)
    area = templates.mask.sum()
    energy = torch.fft.irfft2(spectra.energy * mask, s=shape) - local_sums(mask, spectra).square().sum(dim=1) / area
    floor = (ENERGY_FLOOR**2 * area) * spectra.usual_energy[:, None, None]
    similarity = numerator / torch.maximum(energy, floor.clamp(min=1e-6)).sqrt()[:, None]
    allowed: Tensor = similarity.masked_fill(~_allowed(templates, spectra), -1.0)
    return allowed


def _allowed(templates: Templates, spectra: Spectra) -> Tensor:
    """Return as (I, A, rows, cols) where the turned query lies inside the image, but for a little border."""
    parts = []
    for axis, n in enumerate(spectra.shape):
        cells = torch.arange(n, device=spectra.sizes.device) + 0.5
        half = templates.extents[None, :, axis, None] / 2 - BORDER_CELLS
        size = spectra.sizes[:, None, axis, None]
        parts.append((cells >= half) & (cells <= size - half) & (cells < size))
    return parts[0][..., :, None] & parts[1][..., None, :]


def find_peaks(similarity: Tensor, n_peaks: int, *, circular: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best distinct peaks of every image.

    Parameters
    ----------
    similarity : Tensor of shape (I, A, rows, cols)
    n_peaks : int
        P. Peaks of one image differ by more than one angle step or more than two cells.
    circular : bool
        Whether the last angle neighbours the first.

    Returns
    -------
    values : Tensor of shape (I, P), float32
        Descending.
    angles : Tensor of shape (I, P), int64
        Index of the angle.
    cells : Tensor of shape (I, P, 2), int64
        Row and column.
    """
    n_images, n_angles, _, cols = similarity.shape
    per_angle, place = similarity.flatten(2).max(dim=2)
    rows_cols = torch.stack([place // cols, place % cols], dim=-1)
    index = torch.arange(n_angles, device=similarity.device)
    found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for _ in range(n_peaks):
        value, angle = per_angle.max(dim=1)
        cell = rows_cols[torch.arange(n_images), angle]
        for out, part in zip(found, (value, angle, cell), strict=True):
            out.append(part)
        gap = (index[None] - angle[:, None]).abs()
        gap = torch.minimum(gap, n_angles - gap) if circular else gap
        near = (gap <= 1) | ((rows_cols - cell[:, None]).abs().amax(dim=2) <= 2) & (gap <= 3)
        per_angle = per_angle.masked_fill(near, -2.0)
    values, angles, cells = (torch.stack(part, dim=1) for part in found)
    return values, angles, cells
