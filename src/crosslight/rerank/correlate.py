"""Coarse alignment: masked normalised cross-correlation of turned queries with many images, by FFT.

Padfield 2012, "Masked object registration in the Fourier domain", doi 10.1109/TIP.2011.2181402. The query's mean is
taken out inside its mask beforehand, so that the numerator is one product per angle. The local energy of the image
under the mask hardly depends on the angle; it is computed once for the mask averaged over all angles. Only the order of
candidates rests on this; `refine` measures the similarity exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import scipy.fft
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.rerank.templates import Templates

ENERGY_FLOOR = 0.02  # least local standard deviation, as a share of a representation's usual one


@dataclass(frozen=True, eq=False, kw_only=True)
class Spectra:
    """Fourier transforms of a batch of pooled representations, padded with zeros to one size.

    Attributes
    ----------
    values : Tensor of shape (F, I, 2 C), float32
        One matrix per frequency: the real parts of all channels, then the imaginary ones.
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


def make_spectra(images: Sequence[Tensor], border: int = 1, least: tuple[int, int] = (0, 0)) -> Spectra:
    """Transform pooled representations of shape (C, h, w) once, to be correlated with any number of queries.

    `border` cells of zeros separate an image from its periodic repetition: 1 while queries lie inside, else the
    radius of the turned query. They are padded as if one of them had at least `least` rows and columns.
    """
    rows, cols = (
        scipy.fft.next_fast_len(max(n, *(i.shape[d] for i in images)) + border, real=True)
        for d, n in enumerate(least, 1)
    )
    stack = images[0].new_zeros((len(images), images[0].shape[0], rows, cols))
    for slot, image in zip(stack, images, strict=True):
        slot[:, : image.shape[1], : image.shape[2]] = image
    transformed = torch.fft.rfft2(stack).flatten(2).permute(2, 0, 1)
    squares = stack.square().sum(dim=1)
    sizes = torch.tensor([i.shape[1:] for i in images], device=stack.device)
    return Spectra(
        values=torch.cat([transformed.real, transformed.imag], dim=2),
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


def transform_turned(templates: Templates, shape: tuple[int, int]) -> Tensor:
    """Return what the spectra of images are multiplied with, (F, 2 C, 2 A): by columns, real and imaginary in turns.

    Products of real matrices are several times faster than those of complex ones.
    """
    turned = transform_template(templates.values, shape).flatten(2).permute(2, 1, 0)
    n, n_channels, n_angles = turned.shape
    result = turned.real.new_empty(n, 2, n_channels, n_angles, 2)
    result[:, 0, :, :, 0] = turned.real
    result[:, 0, :, :, 1] = turned.imag
    result[:, 1, :, :, 0] = -turned.imag
    result[:, 1, :, :, 1] = turned.real
    return result.view(n, 2 * n_channels, 2 * n_angles)


def correlate_values(templates: Templates, spectra: Spectra) -> Tensor:
    """Return the products of every image and turned query at every place, summed: (I, A, rows, cols)."""
    turned = templates.keep(spectra.shape, lambda: transform_turned(templates, spectra.shape))
    n, n_images, _ = spectra.values.shape
    product = torch.bmm(spectra.values, turned)
    return _back(torch.view_as_complex(product.view(n, n_images, -1, 2)), spectra.shape)


def local_sums(mask_spectrum: Tensor, spectra: Spectra) -> Tensor:
    """Return the sums of every image and channel under the mask at every place: (I, C, rows, cols)."""
    real, imaginary = spectra.values.chunk(2, dim=2)
    return _back(torch.complex(real, imaginary) * mask_spectrum.flatten()[:, None, None], spectra.shape)


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
    numerator *= torch.maximum(energy, floor.clamp(min=1e-6)).rsqrt()[:, None]
    for axis, outside in enumerate(_outside(templates, spectra)):
        numerator.masked_fill_(outside[..., None] if axis == 0 else outside[..., None, :], -1.0)
    return numerator


def _outside(templates: Templates, spectra: Spectra) -> list[Tensor]:
    """Return as (I, A, rows) and (I, A, cols) where the turned query leaves the image by more than a little border."""
    parts = []
    for axis, n in enumerate(spectra.shape):
        cells = torch.arange(n, device=spectra.sizes.device) + 0.5
        half = templates.extents[None, :, axis, None] / 2 - templates.border
        size = spectra.sizes[:, None, axis, None]
        parts.append((cells < half) | (cells > size - half) | (cells >= size))
    return parts


def find_peaks(
    similarity: Tensor, n_peaks: int, *, circular: bool, block: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best distinct peaks of every image.

    Parameters
    ----------
    similarity : Tensor of shape (I, A, rows, cols)
    n_peaks : int
        P. Peaks of one image differ by more than one angle step or more than two cells.
    circular : bool
        Whether the last angle neighbours the first.
    block : int or None
        Look for so many in each square of so many cells, B of them, instead.

    Returns
    -------
    values : Tensor of shape (I, P or B * P), float32
        Descending.
    angles : Tensor of the same shape, int64
        Index of the angle.
    cells : Tensor of shape (I, P or B * P, 2), int64
        Row and column.
    """
    parts = [_peaks_within(similarity, y, x, n_peaks, circular) for y, x in _blocks(similarity.shape[2:], block)]
    if len(parts) == 1:
        return parts[0]
    values, angles, cells = (torch.cat(found, dim=1) for found in zip(*parts, strict=True))
    values, order = values.sort(dim=1, descending=True)
    return values, angles.gather(1, order), cells.gather(1, order[..., None].expand(-1, -1, 2))


def _blocks(shape: Sequence[int], block: int | None) -> list[tuple[slice, slice]]:
    """Cut rows and columns into about equal squares."""
    if block is None:
        return [(slice(0, shape[0]), slice(0, shape[1]))]
    edges = [torch.linspace(0, n, max(1, round(n / block)) + 1).round().int().tolist() for n in shape]
    return [(slice(*y), slice(*x)) for y in pairwise(edges[0]) for x in pairwise(edges[1])]


def _peaks_within(
    similarity: Tensor, rows: slice, cols: slice, n_peaks: int, circular: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `find_peaks` does, for a part of the images."""
    part = similarity[:, :, rows, cols]
    n_images, n_angles, _, width = part.shape
    per_angle, place = part.flatten(2).max(dim=2)
    rows_cols = torch.stack([place // width + rows.start, place % width + cols.start], dim=-1)
    index = torch.arange(n_angles, device=similarity.device)
    found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for _ in range(n_peaks):
        value, angle = per_angle.max(dim=1)
        cell = rows_cols[torch.arange(n_images), angle]
        for out, one in zip(found, (value, angle, cell), strict=True):
            out.append(one)
        gap = (index[None] - angle[:, None]).abs()
        gap = torch.minimum(gap, n_angles - gap) if circular else gap
        near = (gap <= 1) | ((rows_cols - cell[:, None]).abs().amax(dim=2) <= 2) & (gap <= 3)
        per_angle = per_angle.masked_fill(near, -2.0)
    values, angles, cells = (torch.stack(one, dim=1) for one in found)
    return values, angles, cells
