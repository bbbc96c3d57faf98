"""How the two crops of a pair lie in each other: drawn at random, and undone where representations are compared.

A move is a matrix from the (x, y) of crop B to the (x, y) of crop A, with pixel centres on whole numbers.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.geometry import query_to_repository
from crosslight.types import Float64, Placement


def move_matrix(angle_deg: float, shift_xy: tuple[float, float], size_px: int, scale: float = 1.0) -> Float64:
    """Return the 3 x 3 matrix of a square crop that lies turned, and its middle shifted, in another of its size.

    `scale` is the number of the other's pixels in one of its own.
    """
    middle = (size_px - 1) / 2
    center_xy = (middle + shift_xy[0], middle + shift_xy[1])
    place = Placement(center_xy=center_xy, angle_deg=angle_deg, scale=scale, similarity=1)
    return np.vstack([query_to_repository(place, size_px, size_px), [0, 0, 1]])


def draw_quarter_moves(n: int, size_px: int, reach_cells: int, stride: int, rng: np.random.Generator) -> Float64:
    """Return n moves, (n, 3, 3): each its own quarter turns, and one shift of whole cells for all.

    `stride` is the side of a cell in pixels.
    """
    x, y = (float(v) for v in rng.integers(-reach_cells, reach_cells + 1, 2) * stride)
    return np.stack([move_matrix(90 * int(q), (x, y), size_px) for q in rng.integers(4, size=n)])


def draw_free_moves(n: int, size_px: int, reach_px: float, rng: np.random.Generator) -> Float64:
    """Return n moves, (n, 3, 3): any angle each, and any shift by up to `reach_px`."""
    moves = []
    for angle, toward, share in rng.random((n, 3)):
        reach, way = reach_px * math.sqrt(share), 2 * math.pi * toward
        moves.append(move_matrix(360 * angle, (reach * math.cos(way), reach * math.sin(way)), size_px))
    return np.stack(moves)


def in_cells(moves: Float64, stride: int) -> Tensor:
    """Return moves of pixels, (N, 3, 3), as float32 matrices (N, 2, 3) of representation pixels."""
    to_px = np.array([[stride, 0, (stride - 1) / 2], [0, stride, (stride - 1) / 2], [0, 0, 1]])
    return torch.from_numpy((np.linalg.inv(to_px) @ moves @ to_px)[:, :2].astype(np.float32))


def invert(moves: Tensor) -> Tensor:
    """Return the matrices (N, 2, 3) that undo turns and shifts."""
    back = moves[:, :, :2].transpose(1, 2)
    return torch.cat([back, -back @ moves[:, :, 2:]], dim=2)


def transform(moves: Tensor, points_xy: Tensor) -> Tensor:
    """Map points of shape (N, P, 2), or (1, P, 2) for all alike."""
    return points_xy @ moves[:, :, :2].transpose(1, 2) + moves[:, None, :, 2]


def cell_grid(height: int, width: int, device: torch.device) -> Tensor:
    """Return the (x, y) of all cells, (1, height * width, 2), row by row."""
    rows, cols = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([cols, rows], dim=-1).view(1, -1, 2).float().to(device)


def read_at(z: Tensor, points_xy: Tensor, height: int, width: int, outside: str = "border") -> Tensor:
    """Read (N, C, h, w) between its cells, at the (N, height * width, 2) points.

    Outside the border goes on, or everything is mirrored ("reflection").
    """
    last = torch.tensor([z.shape[3] - 1, z.shape[2] - 1], dtype=z.dtype, device=z.device)
    places = (points_xy / last * 2 - 1).view(len(z), height, width, 2)
    return functional.grid_sample(z, places, mode="bilinear", padding_mode=outside, align_corners=True)


def lie_inside(z: Tensor, points_xy: Tensor) -> Tensor:
    """Return which of the (N, P, 2) points lie on cells of (N, C, h, w), as bool (N, P)."""
    end = torch.tensor([z.shape[3], z.shape[2]], device=z.device) - 0.49
    return ((points_xy > -0.51) & (points_xy < end)).all(dim=2)


def undo_moves(z_a: Tensor, z_b: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Turn the second representations as the first ones, and return of both the cells that all crops of B show.

    For quarter turns and a shift that is the same for all.
    """
    height, width = z_a.shape[2:]
    there = transform(invert(moves), cell_grid(height, width, z_a.device))
    shown = lie_inside(z_b, there).all(dim=0).view(height, width)
    rows, cols = shown.any(dim=1), shown.any(dim=0)
    turned = read_at(z_b, there, height, width)
    return z_a[:, :, rows][:, :, :, cols], turned[:, :, rows][:, :, :, cols]
