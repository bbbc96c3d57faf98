"""Hard negatives: where in the training pairs a window is taken for another, as the networks are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.represent.comir.intensity import Intensity
from crosslight.types import Float64, Pair

N_PAIRS = 64  # looked at in one go: memory and time stay the same however many there are
SIDE_PX = 384  # looked at of each image
CELL_PX = 8
WINDOW_CELLS = 12
N_WINDOWS = 4  # asked for from each pair
STEP_CELLS = 2  # between the places that are looked at
NEAR_CELLS = 4  # closer than that it is the same place
SAME = 0.8  # correlation within both kinds of images from which two places are taken for one that was imaged twice

Represent = Callable[[int, Tensor], Tensor]


class Confusion(NamedTuple):
    """A window of one pair that resembles a wrong place, in this or another pair.

    Places are the (x, y) of middles in image pixels; what lies around the wrong one looks like the window turned by
    `quarters` counter-clockwise.
    """

    pair: int
    x: float
    y: float
    rival: int
    rival_x: float
    rival_y: float
    quarters: int

    @classmethod
    def from_row(cls, row: Sequence[float]) -> Confusion:
        """Return what a row of numbers says."""
        pair, x, y, rival, rival_x, rival_y, quarters = row
        return cls(int(pair), x, y, int(rival), rival_x, rival_y, int(quarters))


class _Shown(NamedTuple):
    """A part of a pair: its number, the (x, y) of its first pixel, and what the networks make of it, coarsely."""

    pair: int
    corner_xy: Float64
    sides: tuple[Tensor, Tensor]

    def middle(self, row: int, col: int) -> tuple[float, float]:
        """Return the (x, y) in the image of the middle of the window that starts at a cell."""
        x, y = (np.array([col, row]) + WINDOW_CELLS / 2) * CELL_PX - 0.5 + self.corner_xy
        return float(x), float(y)


@torch.no_grad()
def mine_confusions(
    represent: Represent, multiple_px: int, pairs: Sequence[Pair], intensities: tuple[Intensity, Intensity],
    asked: int, rng: np.random.Generator,
) -> list[Confusion]:  # fmt: skip
    """Look for windows of some pairs in the images of the other kind, upright and turned by quarters.

    Returned is for the half that is told worst the wrong place that resembles each most. Places that look alike in both
    kinds of images are the same place, imaged twice, and left out.

    Parameters
    ----------
    represent : callable
        From a side (0: A, 1: B) and images (1, C, H, W) in [0, 1] to their representation (1, channels, h, w).
    multiple_px : int
        The sides of these images are multiples of it.
    asked : int
        The side that windows are taken from.
    """
    shown = []
    for number in map(int, rng.permutation(len(pairs))[:N_PAIRS]):
        pair = pairs[number]
        sides_px = [min(side, SIDE_PX) // multiple_px * multiple_px for side in (pair.a.height_px, pair.a.width_px)]
        if min(sides_px) >= WINDOW_CELLS * CELL_PX:
            shown.append(_show(represent, number, pair, sides_px, intensities, rng))
    if not shown:
        return []
    owners = np.repeat(np.arange(len(shown)), N_WINDOWS)
    corners = [_draw_corner(shown[owner].sides[asked], rng) for owner in owners]
    windows, partners = (
        torch.stack([_cut(shown[o].sides[side], corner) for o, corner in zip(owners, corners, strict=True)])
        for side in (asked, 1 - asked)
    )
    turned = torch.stack([torch.rot90(windows, k, (2, 3)) for k in range(4)], dim=1).flatten(0, 1)
    best = torch.full((len(owners),), -torch.inf)
    places = torch.zeros((len(owners), 4), dtype=torch.long)  # number in `shown`, turn, row, column
    for number, part in enumerate(shown):
        found = torch.unflatten(_correlate(turned, part.sides[1 - asked]), 0, (len(owners), 4))
        for k in np.flatnonzero(owners == number):
            _hide(found[k], corners[k])
        value, place = found.flatten(1).max(dim=1)
        where = torch.stack(torch.unravel_index(place, found.shape[1:]), dim=1)
        where[:, 1:] *= STEP_CELLS
        better = value > best
        best[better] = value[better]
        places[better] = torch.cat([torch.full((len(owners), 1), number), where], dim=1)[better]
    lead = best - (windows * partners).sum(dim=(1, 2, 3))
    confusions = []
    for k in torch.argsort(lead, descending=True)[: len(owners) // 2].tolist():
        one, (number, turn, row, col) = shown[owners[k]], places[k].tolist()
        other = shown[number]
        if not _is_same(one, corners[k], other, (row, col), turn):
            (x, y), (rival_x, rival_y) = one.middle(*corners[k]), other.middle(row, col)
            confusions.append(Confusion(one.pair, x, y, other.pair, rival_x, rival_y, turn))
    return confusions


def _show(
    represent: Represent, number: int, pair: Pair, sides_px: Sequence[int], intensities: tuple[Intensity, Intensity],
    rng: np.random.Generator,
) -> _Shown:  # fmt: skip
    """Represent a part of a pair in cells of `CELL_PX`."""
    height, width = sides_px
    top, left = int(rng.integers(pair.a.height_px - height + 1)), int(rng.integers(pair.a.width_px - width + 1))
    sides = []
    for side, image in enumerate((pair.a, pair.b)):
        unit = intensities[side].unit(image.pixels[top : top + height, left : left + width])
        z = represent(side, torch.from_numpy(unit).permute(2, 0, 1)[None])
        sides.append(functional.avg_pool2d(z, CELL_PX * z.shape[2] // height)[0].cpu())
    return _Shown(number, np.array([left, top], dtype=np.float64), (sides[0], sides[1]))


def _draw_corner(z: Tensor, rng: np.random.Generator) -> tuple[int, int]:
    """Return row and column of the first cell of a window."""
    return int(rng.integers(z.shape[1] - WINDOW_CELLS + 1)), int(rng.integers(z.shape[2] - WINDOW_CELLS + 1))


def _hide(found: Tensor, corner: tuple[int, int]) -> None:
    """Take the right place, and what lies near, out of the similarities (4, h', w') of a window."""
    rows, cols = (
        slice(-(-max(0, first - NEAR_CELLS) // STEP_CELLS), (first + NEAR_CELLS) // STEP_CELLS + 1) for first in corner
    )
    found[:, rows, cols] = -torch.inf


def _cut(z: Tensor, corner: tuple[int, int]) -> Tensor:
    """Return one window of (C, h, w), each channel less its mean, of unit length."""
    row, col = corner
    window = z[:, row : row + WINDOW_CELLS, col : col + WINDOW_CELLS]
    return functional.normalize((window - window.mean(dim=(1, 2), keepdim=True)).flatten(), dim=0).view_as(window)


def _correlate(windows: Tensor, z: Tensor) -> Tensor:
    """Return the normalised cross-correlation of windows (M, C, t, t) with every other place of (C, h, w)."""
    means = functional.avg_pool2d(z, WINDOW_CELLS, STEP_CELLS)
    squares = functional.avg_pool2d(z.square().sum(dim=0, keepdim=True), WINDOW_CELLS, STEP_CELLS)[0]
    energy = WINDOW_CELLS**2 * (squares - means.square().sum(dim=0))
    strength = energy.clamp(min=max(0.05 * float(energy.mean()), 1e-12)).sqrt()
    similarity: Tensor = functional.conv2d(z[None], windows, stride=STEP_CELLS)[0] / strength
    return similarity


def _is_same(one: _Shown, corner: tuple[int, int], other: _Shown, place: tuple[int, int], turn: int) -> bool:
    """Whether two places look alike in both kinds of images."""
    couples = zip(one.sides, other.sides, strict=True)
    return all(float((torch.rot90(_cut(z, corner), turn, (1, 2)) * _cut(w, place)).sum()) > SAME for z, w in couples)
