"""A query turned, scaled and mirrored on the cells of the coarse grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.geometry import rotated_extent


@dataclass(frozen=True, eq=False, kw_only=True)
class Templates:
    """One query at one scale turned by many angles, on the cells of the coarse grid.

    Attributes
    ----------
    values : Tensor of shape (A, C, K, K), float32
        Zero mean inside the mask, zero outside, unit length over everything; the middle cell is the query's centre.
    masks : Tensor of shape (A, K, K), bool
        Where the query covers a cell.
    angles_deg : Tensor of shape (A,)
    extents : Tensor of shape (A, 2), float32
        Height and width in cells of the box around the turned query.
    border : float
        How far this box may stick out of an image, in cells: half a cell for the place and what half a step of the
        angle, which moves the ends of a long query further, takes.
    scale : float
    flipped : bool
    kept : dict
        What was made of these for the last shape of images; see `keep`.
    """

    values: Tensor
    masks: Tensor
    angles_deg: Tensor
    extents: Tensor
    border: float
    scale: float
    flipped: bool
    kept: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def keep(self, shape: tuple[int, int], make: Callable[[], Tensor]) -> Tensor:
        """Return what `make` makes for a shape, made once for images of one shape that follow each other."""
        if shape not in self.kept:
            self.kept.clear()
            self.kept[shape] = make()
        return self.kept[shape]

    @property
    def mask(self) -> Tensor:
        """Share of the angles at which the query covers a cell: (K, K)."""
        return self.masks.float().mean(dim=0)


def make_templates(
    values: Tensor,
    size_cells: tuple[float, float],
    step: float,
    angles_deg: Tensor,
    *,
    scale: float = 1.0,
    flipped: bool = False,
) -> Templates:
    """Turn, scale and mirror a query and sample it on coarse cells.

    Parameters
    ----------
    values : Tensor of shape (C, h, w), float32
        The query's representation.
    size_cells : tuple of float
        Height and width of the query in coarse cells, at scale 1.
    step : float
        Representation pixels per coarse cell.
    angles_deg : Tensor of shape (A,)
        The query's axes in the repository image, counter-clockwise.
    scale : float
        Repository pixels per query pixel.
    flipped : bool
        Mirror left and right before turning.
    """
    box = max(1, round(step / scale))
    pad = (box - 1) // 2, box - 1 - (box - 1) // 2
    smooth = functional.avg_pool2d(functional.pad(values[None], (*pad, *pad), mode="replicate"), box, stride=1)[0]
    shift = (box - 1) / 2 - pad[0]  # an even box lies half a pixel off
    radius = template_radius(size_cells, scale)
    line = torch.arange(-radius, radius + 1, dtype=torch.float32, device=values.device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    radians = torch.deg2rad(angles_deg)[:, None, None]
    # the query's own offset under a repository offset: turn back by the angle
    u = (torch.cos(radians) * x - torch.sin(radians) * y) * ((-1 if flipped else 1) / scale)
    v = (torch.sin(radians) * x + torch.cos(radians) * y) / scale
    inside = (u.abs() <= size_cells[1] / 2) & (v.abs() <= size_cells[0] / 2)
    h, w = values.shape[1:]
    grid = torch.stack([(u * step - shift) * 2 / w, (v * step - shift) * 2 / h], dim=-1)
    sampled = functional.grid_sample(
        smooth.expand(len(angles_deg), -1, -1, -1), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    mask = inside[:, None].float()
    area = mask.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    centred = (sampled - (sampled * mask).sum(dim=(2, 3), keepdim=True) / area) * mask
    length = centred.flatten(1).norm(dim=1).clamp(min=1e-6)
    extents = torch.tensor([rotated_extent(*size_cells, float(a)) for a in angles_deg], device=values.device)
    return Templates(
        values=centred / length[:, None, None, None], masks=inside, angles_deg=angles_deg, extents=extents * scale,
        border=(1 + max(size_cells) / min(size_cells)) / 2, scale=scale, flipped=flipped,
    )  # fmt: skip


def template_radius(size_cells: tuple[float, float], scale: float) -> int:
    """Return how many cells a turned query reaches from its middle cell."""
    return math.ceil(math.hypot(*size_cells) * scale / 2)
