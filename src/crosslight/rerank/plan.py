"""How a query is searched: cell sizes, and the angles and scales of the coarse pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crosslight.config import AlignConfig
from crosslight.types import Image, Representation

SCALE_ROOM = 1.25  # cells are chosen for a query this much larger than the smallest scale


@dataclass(frozen=True, eq=False, kw_only=True)
class Query:
    """A query ready to be aligned: its representation and the size of its image; the image for a second look."""

    representation: Representation
    height_px: int
    width_px: int
    image: Image | None = None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A repository image to align with: its name and size."""

    name: str
    height_px: int
    width_px: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """How one query is searched: cell sizes in repository pixels, and the poses of the coarse pass."""

    coarse_px: int
    fine_px: int
    angles_deg: Tensor
    scales: tuple[float, ...]
    flips: tuple[bool, ...]
    circular: bool

    @property
    def angle_step_deg(self) -> float:
        """Degrees from one angle to the next; 1 where there is one only."""
        return float(self.angles_deg[1] - self.angles_deg[0]) if len(self.angles_deg) > 1 else 1.0

    @property
    def scale_step(self) -> float:
        """Ratio of one scale to the one before; 1 where there is one only."""
        return self.scales[1] / self.scales[0] if len(self.scales) > 1 else 1.0

    @property
    def n_poses(self) -> int:
        """Number of combinations of angle, scale and flip."""
        return len(self.angles_deg) * len(self.scales) * len(self.flips)


def _largest_cell(side_px: float, cells: int, stride: int, halved: bool) -> int:
    """Return the largest cell that leaves at least `cells` on a side: 1, 2, 3, 4, 6, 8, 12, ... times the stride.

    Where `halved` without 3, 6, 12, ...
    """
    most = max(1.0, side_px / cells / stride)
    power: int = 2 ** math.floor(math.log2(most))
    between = not halved and 2 <= power <= most / 1.5
    return stride * (power * 3 // 2 if between else power)


def plan_query(query: Query, config: AlignConfig) -> Plan:
    """Choose cells by the query's size, and poses so that its rim moves by about one cell from one to the next."""
    low, high = config.scale
    stride = query.representation.stride
    side = min(query.height_px, query.width_px) * min(math.sqrt(low * high), SCALE_ROOM * low)
    coarse = _largest_cell(side, config.coarse_cells, stride, config.halved)
    fine = min(coarse, _largest_cell(side, config.fine_cells, stride, config.halved))
    step = 2 * coarse / side
    reach, circular = config.rotation_deg, config.rotation_deg >= 180
    # an even number, so that 0 is among them: a whole image lies in itself at no other angle
    n_angles = max(1, 2 * math.ceil(reach / math.degrees(step)))
    angles = torch.linspace(-reach, reach, n_angles + 1) if reach > 0 else torch.zeros(1)
    n_scales = math.ceil(math.log(high / low) / step) if high > low else 0
    scales = tuple(low * (high / low) ** (i / n_scales) for i in range(n_scales + 1)) if n_scales else (low,)
    return Plan(
        coarse_px=coarse,
        fine_px=fine,
        angles_deg=angles[:-1] if circular else angles,
        scales=scales,
        flips=(False, True) if config.flip else (False,),
        circular=circular,
    )


def estimate_work(query: Query, candidates: Sequence[Candidate], config: AlignConfig) -> float:
    """Return roughly how many similarities the coarse pass computes: images x poses x cells."""
    plan = plan_query(query, config)
    cells = sum(c.height_px * c.width_px for c in candidates) / plan.coarse_px**2
    return cells * plan.n_poses
