"""Fine alignment: turn the image's neighbourhood into the query's frame and correlate there, exactly.

In the query's frame the mask is a plain rectangle, so means and energies are box sums, and a change of angle or scale
is one more resampling. The end is sub-pixel and sub-degree by parabolas through the peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.geometry import query_axes
from crosslight.types import Float32, Placement, Representation

FLOOR = 4e-4  # least local energy, as a share of the image's mean


@dataclass(frozen=True, kw_only=True)
class RefineStep:
    """One pass of refinement.

    Attributes
    ----------
    cell_px : float
        Cell size in repository pixels.
    reach : int
        Cells tried on each side of the start.
    n_angles, n_scales : int
        Angles and scales tried on each side of the start's.
    angle_step_deg : float
        From one angle to the next.
    scale_step : float
        Ratio of one scale to the one before.
    partly : bool
        Whether the query may stick out of the image.
    """

    cell_px: float
    reach: int
    n_angles: int
    angle_step_deg: float
    n_scales: int = 0
    scale_step: float = 1.0
    partly: bool = False

    @property
    def turns_deg(self) -> tuple[float, ...]:
        """Changes of angle tried."""
        return tuple(self.angle_step_deg * k for k in range(-self.n_angles, self.n_angles + 1))

    @property
    def ratios(self) -> tuple[float, ...]:
        """Changes of scale tried."""
        return tuple(self.scale_step**k for k in range(-self.n_scales, self.n_scales + 1))


def pool(values: Tensor, factor: int) -> Tensor:
    """Average (C, h, w) over cells of factor x factor; a partial last cell repeats the edge."""
    if factor == 1:
        return values
    h, w = values.shape[1:]
    short = (-w % factor, -h % factor)
    whole = functional.pad(values[None], (0, short[0], 0, short[1]), mode="replicate") if any(short) else values[None]
    return functional.avg_pool2d(whole, factor)[0]


def sample(values: Tensor, cell_px: float, points_xy: Tensor) -> Tensor:
    """Read a pooled representation at image points.

    `values` has shape (C, h, w), cell (r, c) centred on image pixel ``cell_px * c + (cell_px - 1) / 2``; `points_xy`
    has shape (..., 2). Returns (C, ...); zero outside.
    """
    h, w = values.shape[1:]
    cells = (points_xy + 0.5) / cell_px  # 0 is the left edge of the first cell
    grid = torch.stack([cells[..., 0] * 2 / w - 1, cells[..., 1] * 2 / h - 1], dim=-1)
    flat = functional.grid_sample(
        values[None], grid.reshape(1, -1, 1, 2), mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return flat.reshape(values.shape[0], *points_xy.shape[:-1])


def refine(
    query: Representation,
    size_px: tuple[int, int],
    image: Representation,
    starts: list[Placement],
    step: RefineStep,
    device: torch.device,
) -> list[Placement]:
    """Measure the similarity around each start and return the best place near each.

    Parameters
    ----------
    query, image : Representation
        Of the query and of one repository image, with equal channels.
    size_px : tuple of int
        Height and width of the query image.
    starts : list of Placement
        Where to look.
    step : RefineStep
        How finely.

    Returns
    -------
    placements : list of Placement
        One per start, in the same order; `similarity` is the masked normalised cross-correlation at the cell size.
    """
    windows = sample_windows(query, size_px, image, starts, step, device)
    if windows.inside is not None:
        similarity = correlate_masked(windows.values, windows.inside, windows.template, windows.energy)
    else:
        similarity = _correlate_windows(windows.values, windows.template, windows.energy)
    n_angles, n_scales = len(step.turns_deg), len(step.ratios)
    tables = similarity.reshape(len(starts), n_angles, n_scales, *similarity.shape[1:]).cpu().numpy()
    return [_peak(table, step, windows.cell_px, start) for table, start in zip(tables, starts, strict=True)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Windows:
    """An image seen in the query's frame at M poses, with r cells more on each side, and the query itself.

    Attributes
    ----------
    values : Tensor of shape (M, C, h + 2r, w + 2r)
        Zero outside the image.
    inside : Tensor of shape (M, 1, h + 2r, w + 2r), or None
        Share of each cell inside the image; None where the query may not stick out.
    template : Tensor of shape (C, h, w)
        The query, zero-mean per channel and of unit length.
    energy : Tensor of shape ()
        Mean square of a cell of the image, over all channels.
    cell_px : float
        Side of a cell in query pixels.
    """

    values: Tensor
    inside: Tensor | None
    template: Tensor
    energy: Tensor
    cell_px: float


def sample_windows(
    query: Representation,
    size_px: tuple[int, int],
    image: Representation,
    starts: list[Placement],
    step: RefineStep,
    device: torch.device,
) -> Windows:
    """Sample an image at every start, angle and scale of a step, in this order."""
    scale = math.exp(sum(math.log(start.scale) for start in starts) / len(starts))
    factor = max(1, round(step.cell_px / scale / query.stride))
    cell_px = factor * query.stride  # in query pixels
    n_rows, n_cols = (max(4, int(side // cell_px)) for side in size_px)
    template = _make_template(query, size_px, factor, (n_rows, n_cols), device)
    wide = _offsets(n_rows + 2 * step.reach, n_cols + 2 * step.reach, cell_px, device)
    factor = max(1, round(cell_px * scale / image.stride))
    pooled = pool(torch.from_numpy(image.values).to(device), factor)
    points = _points(starts, step, wide).flatten(0, 2)
    inside = None
    if step.partly:
        inside = sample(torch.ones_like(pooled[:1]), factor * image.stride, points).permute(1, 0, 2, 3)
    return Windows(
        values=sample(pooled, factor * image.stride, points).permute(1, 0, 2, 3),
        inside=inside,
        template=template,
        energy=pooled.square().sum(dim=0).mean(),
        cell_px=cell_px,
    )


def _make_template(
    query: Representation, size_px: tuple[int, int], factor: int, shape: tuple[int, int], device: torch.device
) -> Tensor:
    """Return the query on cells around its centre, zero-mean per channel and of unit length: (C, *shape)."""
    cell_px = factor * query.stride
    center = torch.tensor([(size_px[1] - 1) / 2, (size_px[0] - 1) / 2], device=device)
    pooled = pool(torch.from_numpy(query.values).to(device), factor)
    template = sample(pooled, cell_px, _offsets(*shape, cell_px, device) + center)
    template = template - template.mean(dim=(1, 2), keepdim=True)
    unit: Tensor = template / template.norm().clamp(min=1e-6)
    return unit


def _offsets(n_rows: int, n_cols: int, cell_px: float, device: torch.device) -> Tensor:
    """Return (n_rows, n_cols, 2): x and y from the centre, in pixels."""
    y = (torch.arange(n_rows, device=device) - (n_rows - 1) / 2) * cell_px
    x = (torch.arange(n_cols, device=device) - (n_cols - 1) / 2) * cell_px
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)


def _points(starts: list[Placement], step: RefineStep, offsets: Tensor) -> Tensor:
    """Return where (h, w, 2) offsets in query pixels lie in the image: (starts, angles, scales, h, w, 2)."""
    matrices = [
        [
            [query_axes(s.angle_deg + turn, s.scale * ratio, s.flipped) for ratio in step.ratios]
            for turn in step.turns_deg
        ]
        for s in starts
    ]
    linear = torch.tensor(np.array(matrices), dtype=torch.float32, device=offsets.device)
    centers = torch.tensor([s.center_xy for s in starts], dtype=torch.float32, device=offsets.device)
    return centers[:, None, None, None, None] + torch.einsum("satij,hwj->sathwi", linear, offsets)


def _correlate_windows(windows: Tensor, template: Tensor, energy: Tensor) -> Tensor:
    """Correlate (M, C, h + 2r, w + 2r) windows with a (C, h, w) template of unit length: (M, 2r + 1, 2r + 1)."""
    n = template.shape[1] * template.shape[2]
    numerator = functional.conv2d(windows, template[None])[:, 0]
    means = _box_means(windows, template)
    squares = _box_means(windows.square().sum(dim=1, keepdim=True), template)[:, 0]
    local = n * (squares - means.square().sum(dim=1))
    floor = FLOOR * n * energy
    return numerator / torch.maximum(local, floor.clamp(min=1e-6)).sqrt()


def _box_means(values: Tensor, template: Tensor) -> Tensor:
    """Average (M, C, H, W) over boxes of the template's size, first along one axis, then along the other."""
    rows = functional.avg_pool2d(values, (template.shape[1], 1), stride=1)
    return functional.avg_pool2d(rows, (1, template.shape[2]), stride=1)


def correlate_masked(windows: Tensor, inside: Tensor, template: Tensor, energy: Tensor) -> Tensor:
    """As `_correlate_windows`, over what lies inside the image alone.

    `inside` (M, 1, h + 2r, w + 2r) is the share of each cell inside. The result is multiplied by the square root of
    the share of the query inside, since less area correlates more by chance.
    """
    inside = (inside > 0.5).float()
    windows = windows * inside
    box = template.new_ones(1, 1, *template.shape[1:])
    n_channels, area = template.shape[0], template[0].numel()
    count = functional.conv2d(inside, box).clamp(min=1)
    sums = functional.conv2d(windows, box.expand(n_channels, -1, -1, -1), groups=n_channels)
    squares = functional.conv2d(windows.square().sum(dim=1, keepdim=True), box)
    asked = functional.conv2d(inside, template[:, None])
    asked_squares = functional.conv2d(inside, template.square().sum(dim=0)[None, None])
    numerator = functional.conv2d(windows, template[None]) - (sums * asked).sum(dim=1, keepdim=True) / count
    floor = (FLOOR * energy).clamp(min=1e-6) * count
    there = torch.maximum(squares - sums.square().sum(dim=1, keepdim=True) / count, floor)
    share = count / area
    query = torch.maximum(asked_squares - asked.square().sum(dim=1, keepdim=True) / count, 0.1 * share)
    return (numerator / (there * query).sqrt() * share.sqrt())[:, 0]


def _vertex(left: float, middle: float, right: float) -> float:
    """Return the offset in [-0.5, 0.5] of the top of the parabola through three equidistant values."""
    bend = left - 2 * middle + right
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0


def _peak(table: Float32, step: RefineStep, cell_px: float, start: Placement) -> Placement:
    """Return the top of (angles, scales, rows, cols) similarities around a start, between the places tried."""
    at = [int(i) for i in np.unravel_index(int(table.argmax()), table.shape)]

    def between(axis: int) -> float:
        if not 0 < at[axis] < table.shape[axis] - 1:
            return 0.0
        around = [float(table[tuple(i + d * (k == axis) for k, i in enumerate(at))]) for d in (-1, 0, 1)]
        return _vertex(*around)

    turn = step.turns_deg[at[0]]
    ratio = step.ratios[at[1]]
    moved = np.array([at[axis] + between(axis) - (table.shape[axis] - 1) / 2 for axis in (3, 2)]) * cell_px
    shift = query_axes(start.angle_deg + turn, start.scale * ratio, start.flipped) @ moved
    return Placement(
        center_xy=(start.center_xy[0] + float(shift[0]), start.center_xy[1] + float(shift[1])),
        angle_deg=start.angle_deg + turn + between(0) * step.angle_step_deg,
        scale=start.scale * ratio * step.scale_step ** between(1),
        similarity=float(table[tuple(at)]),
        flipped=start.flipped,
    )
