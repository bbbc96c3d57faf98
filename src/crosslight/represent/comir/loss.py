"""InfoNCE over all 2N representations of a batch, as one matrix product (paper, Methods; Pielawski, Wetzer 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.config import LossConfig
from crosslight.represent.comir.moves import cell_grid, invert, lie_inside, read_at, transform, undo_moves

CONSTANT = 1e-3  # standard deviation below which a channel says nothing, and correlates with none


def critic_similarity(z: Tensor, critic: str) -> Tensor:
    """Compare all representations with all.

    Parameters
    ----------
    z : Tensor of shape (M, C, h, w), float32
        Representations.
    critic : {"correlation", "mse"}
        "correlation": zero-mean per channel, unit length over everything, dot product. "mse": minus the mean squared
        difference.

    Returns
    -------
    similarity : Tensor of shape (M, M), float32
    """
    if critic == "correlation":
        flat = functional.normalize((z - z.mean(dim=(2, 3), keepdim=True)).flatten(1), dim=1)
        return flat @ flat.T
    flat = z.flatten(1)
    squares = flat.square().sum(dim=1)
    return -(squares[:, None] + squares[None, :] - 2 * flat @ flat.T) / flat.shape[1]


def window_similarity(z: Tensor, templates: Tensor, masks: Tensor) -> Tensor:
    """Correlate every template with every place of every representation, as alignment will.

    Parameters
    ----------
    z : Tensor of shape (N, C, h, w), float32
        Representations to search in.
    templates : Tensor of shape (M, C, t, u), float32
        Windows to look for.
    masks : Tensor of shape (M, t, u), bool
        Which of their cells count.

    Returns
    -------
    similarity : Tensor of shape (M, N, h - t + 1, w - u + 1), float32
        Masked normalised cross-correlation over all channels, in [-1, 1].
    """
    z, inside = z.contiguous(), masks[:, None].to(z.dtype)  # wide kernels backward: ten times faster than channels-last
    n_cells = inside.sum(dim=(2, 3)).clamp(min=1)[:, :, None, None]
    means = (templates * inside).sum(dim=(2, 3), keepdim=True) / n_cells
    unit = functional.normalize(((templates - means) * inside).flatten(1), dim=1).view_as(templates)
    numerator = functional.conv2d(z, unit)
    sums = torch.unflatten(functional.conv2d(z.flatten(0, 1)[:, None], inside), 0, z.shape[:2])
    squares = functional.conv2d(z.square().sum(dim=1, keepdim=True), inside)
    n_cells = n_cells[:, 0]
    energy = squares - sums.square().sum(dim=1) / n_cells
    floor = 0.01 * n_cells * z.detach().square().sum(dim=1).mean()
    return (numerator / torch.maximum(energy, floor).sqrt()).transpose(0, 1)


def search_loss(z_a: Tensor, z_b: Tensor, moves: Tensor, window: float, temperature: float) -> tuple[Tensor, float]:
    """Return InfoNCE over all places of all images: a window of each is looked for in all images of the other kind.

    The window lies half-way between the middles of the two crops. It is read out of the one as the other lies, turned
    as alignment turns a query. The right place competes with every place of every other image and with the places of
    its own image that lie more than one cell off. Symmetric in A and B.

    Parameters
    ----------
    z_a, z_b : Tensor of shape (N, C, h, w), float32
    moves : Tensor of shape (N, 2, 3), float32
        From the (x, y) of each representation of B to the (x, y) of its partner.
    window : float
        Side of the window as a share of h and w, in (0, 1).
    temperature : float

    Returns
    -------
    loss : Tensor, scalar
    accuracy : float
        Share of windows whose best place is the right one.
    """
    own = torch.arange(len(z_a), device=z_a.device)
    losses, right = [], 0.0
    for searched, asked, to_asked in ((z_a, z_b, invert(moves)), (z_b, z_a, moves)):
        height, width = shape = tuple(max(2, int(side * window)) for side in searched.shape[2:])
        first = _window_corners(searched.shape[2:], asked.shape[2:], to_asked, shape)
        points = transform(to_asked, cell_grid(height, width, z_a.device) + first[:, None])
        templates, masks = read_at(asked, points, height, width), lie_inside(asked, points).view(-1, height, width)
        logits = window_similarity(searched, templates, masks) / temperature
        col, row = first.long().T
        positive = logits[own, own, row, col]
        rows, cols = (torch.arange(n, device=z_a.device) for n in logits.shape[2:])
        near = ((rows - row[:, None]).abs() <= 1)[:, :, None] & ((cols - col[:, None]).abs() <= 1)[:, None]
        near[own, row, col] = False
        others = logits.clone()
        others[own, own] = others[own, own].masked_fill(near, float("-inf"))
        flat = others.flatten(1)
        losses.append((torch.logsumexp(flat, dim=1) - positive).mean())
        right += float((positive >= flat.amax(dim=1)).float().mean()) / 2
    return (losses[0] + losses[1]) / 2, right


def _window_corners(searched: Sequence[int], asked: Sequence[int], to_asked: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the (x, y) of each window's first cell, (N, 2): whole numbers within the searched representation."""

    def middle(sides: Sequence[int]) -> Tensor:
        return torch.tensor([(side - 1) / 2 for side in reversed(sides)], device=to_asked.device)

    between = (middle(searched) + transform(invert(to_asked), middle(asked).view(1, 1, 2))[:, 0]) / 2
    last = torch.tensor([side - part for side, part in zip(searched, shape, strict=True)][::-1], device=to_asked.device)
    return torch.minimum((between - middle(shape)).round().clamp(min=0), last)


def contrastive_loss(z_a: Tensor, z_b: Tensor, moves: Tensor, config: LossConfig) -> tuple[Tensor, float]:
    """Return the loss of a batch of pairs and its in-batch accuracy.

    For each of the 2N representations i with partner j the loss is ``-s_ij + logsumexp over k != i of s_ik``, where s
    is the critic's similarity over the temperature; the mean over all i, plus the activation decay. "windows" compares
    places instead, see `search_loss`.

    Parameters
    ----------
    z_a, z_b : Tensor of shape (N, C, h, w), float32
        Row i of both shows the same place.
    moves : Tensor of shape (N, 2, 3), float32
        From the (x, y) of each representation of B to the (x, y) of its partner; where whole crops are compared,
        quarter turns and one shift for all.

    Returns
    -------
    loss : Tensor, scalar
    accuracy : float
        Share of representations whose partner is the most similar of all 2N - 1 others, or of windows found.
    """
    penalty = _activation_penalty(z_a.float(), z_b.float(), config)
    if config.critic == "windows":
        loss, accuracy = search_loss(z_a.float(), z_b.float(), moves, config.window, config.temperature)
        return loss + penalty, accuracy
    n = z_a.shape[0]
    z = torch.cat(undo_moves(z_a.float(), z_b.float(), moves))
    similarity = critic_similarity(z, config.critic) / config.temperature
    similarity = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), float("-inf"))
    partner = torch.arange(2 * n, device=z.device).roll(n)
    loss = functional.cross_entropy(similarity, partner)
    accuracy = float((similarity.argmax(dim=1) == partner).float().mean())
    return loss + penalty, accuracy


def _activation_penalty(z_a: Tensor, z_b: Tensor, config: LossConfig) -> Tensor:
    """Return the paper's activation decay plus the share of correlation between different channels."""
    z = torch.cat([z_a, z_b])
    penalty = z.new_zeros(())
    if config.decay_l1 or config.decay_l2:
        penalty = penalty + config.decay_l1 * z.abs().mean() + config.decay_l2 * z.square().mean()
    if config.decorrelation and z.shape[1] > 1:
        for side in (z_a, z_b):
            rows = side.transpose(0, 1).flatten(1)
            n_channels, n_values = rows.shape
            spread = rows - rows.mean(dim=1, keepdim=True)
            unit = functional.normalize(spread, dim=1, eps=CONSTANT * math.sqrt(n_values))
            correlation = unit @ unit.T
            off = correlation - torch.diag(torch.diag(correlation))
            penalty = penalty + config.decorrelation * off.square().sum() / n_channels / 2
    return penalty
