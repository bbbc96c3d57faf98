"""Fine alignment: turn the image's neighbourhood into the query's frame and correlate there, exactly.

In the query's frame the mask is a plain rectangle, so means and energies are box sums, and a change of angle or scale
is one more resampling. The end is sub-pixel and sub-degree by parabolas through the peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.types import Placement, Representation


@dataclass(frozen=True, kw_only=True)
class RefineStep:
    """One pass of refinement: cell size in image pixels, reach in cells, angles tried on each side and their step."""

    cell_px: float
    reach: int
    n_angles: int
    angle_step_deg: float


def pool(values: Tensor, factor: int) -> Tensor:
    """Average (C, h, w) over cells of factor x factor; a partial last cell repeats the edge."""
    if factor == 1:
        return values
    h, w = values.shape[1:]
    padded = functional.pad(values[None], (0, -w % factor, 0, -h % factor), mode="replicate")
    return functional.avg_pool2d(padded, factor)[0]


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
    factor = max(1, round(step.cell_px / image.stride))
    cell_px = factor * image.stride
    n_rows, n_cols = (max(4, int(side // cell_px)) for side in size_px)
    r = step.reach
    q = pool(torch.from_numpy(query.values).to(device), factor)
    offsets = _offsets(n_rows, n_cols, cell_px, device)
    center = torch.tensor([(size_px[1] - 1) / 2, (size_px[0] - 1) / 2], device=device)
    template = sample(q, cell_px, offsets + center)
    template = template - template.mean(dim=(1, 2), keepdim=True)
    template = template / template.norm().clamp(min=1e-6)
    turns = step.angle_step_deg * torch.arange(-step.n_angles, step.n_angles + 1, device=device)
    angles = torch.tensor([s.angle_deg for s in starts], device=device)[:, None] + turns
    scales = torch.tensor([s.scale for s in starts], device=device)[:, None].expand_as(angles)
    centers = torch.tensor([s.center_xy for s in starts], device=device, dtype=torch.float32)
    wide = _offsets(n_rows + 2 * r, n_cols + 2 * r, cell_px, device)
    points = centers[:, None, None, None] + _turn(wide, angles, scales)
    values = pool(torch.from_numpy(image.values).to(device), factor)
    window = sample(values, cell_px, points).permute(1, 2, 0, 3, 4)
    similarity = _correlate_windows(window.flatten(0, 1), template, values)
    similarity = similarity.reshape(*angles.shape, *similarity.shape[1:])
    return [_peak(similarity[i], float(angles[i, 0]), step, cell_px, starts[i]) for i in range(len(starts))]


def _offsets(n_rows: int, n_cols: int, cell_px: float, device: torch.device) -> Tensor:
    """Return (n_rows, n_cols, 2): x and y from the centre, in pixels."""
    y = (torch.arange(n_rows, device=device) - (n_rows - 1) / 2) * cell_px
    x = (torch.arange(n_cols, device=device) - (n_cols - 1) / 2) * cell_px
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)


def _turn(offsets: Tensor, angles_deg: Tensor, scales: Tensor) -> Tensor:
    """Turn (h, w, 2) offsets by (S, A) angles counter-clockwise on the screen: (S, A, h, w, 2)."""
    c = (torch.cos(torch.deg2rad(angles_deg)) * scales)[..., None, None]
    s = (torch.sin(torch.deg2rad(angles_deg)) * scales)[..., None, None]
    x, y = offsets[..., 0], offsets[..., 1]
    return torch.stack([c * x + s * y, -s * x + c * y], dim=-1)


def _correlate_windows(windows: Tensor, template: Tensor, image: Tensor) -> Tensor:
    """Correlate (M, C, h + 2r, w + 2r) windows with a (C, h, w) template of unit length: (M, 2r + 1, 2r + 1)."""
    n = template.shape[1] * template.shape[2]
    numerator = functional.conv2d(windows, template[None])[:, 0]
    box = (template.shape[1], template.shape[2])
    means = functional.avg_pool2d(windows, box, stride=1)
    squares = functional.avg_pool2d(windows.square().sum(dim=1, keepdim=True), box, stride=1)[:, 0]
    energy = n * (squares - means.square().sum(dim=1))
    floor = 4e-4 * n * image.square().sum(dim=0).mean()
    return numerator / torch.maximum(energy, floor.clamp(min=1e-6)).sqrt()


def _vertex(left: float, middle: float, right: float) -> float:
    """Return the offset in [-0.5, 0.5] of the top of the parabola through three equidistant values."""
    bend = left - 2 * middle + right
    return max(-0.5, min(0.5, 0.5 * (left - right) / bend)) if bend < 0 else 0.0


def _peak(similarity: Tensor, first_angle: float, step: RefineStep, cell_px: float, start: Placement) -> Placement:
    """Return the top of (A, rows, cols) similarities around a start, between the cells and angles."""
    n_angles, rows, cols = similarity.shape
    top = int(similarity.argmax())
    a, y, x = top // (rows * cols), top // cols % rows, top % cols
    table = similarity.cpu()

    def along(axis: int, at: int, n: int) -> float:
        if not 0 < at < n - 1:
            return 0.0
        index = [a, y, x]
        around = []
        for delta in (-1, 0, 1):
            index[axis] = at + delta
            around.append(float(table[tuple(index)]))
        return _vertex(*around)

    angle = first_angle + (a + along(0, a, n_angles)) * step.angle_step_deg
    dy = (y + along(1, y, rows) - (rows - 1) / 2) * cell_px * start.scale
    dx = (x + along(2, x, cols) - (cols - 1) / 2) * cell_px * start.scale
    grid_angle = math.radians(first_angle + a * step.angle_step_deg)
    c, s = math.cos(grid_angle), math.sin(grid_angle)
    center = (start.center_xy[0] + c * dx + s * dy, start.center_xy[1] - s * dx + c * dy)
    return Placement(center_xy=center, angle_deg=angle, scale=start.scale, similarity=float(table[a, y, x]))
