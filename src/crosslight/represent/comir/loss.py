"""InfoNCE over all 2N representations of a batch, as one matrix product (paper, Methods; Pielawski, Wetzer 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from crosslight.config import LossConfig


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


def window_similarity(z: Tensor, templates: Tensor) -> Tensor:
    """Correlate every template with every place of every representation, as alignment will.

    Parameters
    ----------
    z : Tensor of shape (N, C, h, w), float32
        Representations to search in.
    templates : Tensor of shape (M, C, t, u), float32
        Windows to look for.

    Returns
    -------
    similarity : Tensor of shape (M, N, h - t + 1, w - u + 1), float32
        Normalised cross-correlation over all channels, in [-1, 1].
    """
    z, templates = z.contiguous(), templates.contiguous()  # wide kernels backward: ten times faster than channels-last
    box = (templates.shape[2], templates.shape[3])
    n_cells = box[0] * box[1]
    centred = templates - templates.mean(dim=(2, 3), keepdim=True)
    unit = functional.normalize(centred.flatten(1), dim=1).view_as(centred)
    numerator = functional.conv2d(z, unit)
    means = functional.avg_pool2d(z, box, stride=1)
    squares = functional.avg_pool2d(z.square().sum(dim=1, keepdim=True), box, stride=1)
    energy = (squares - means.square().sum(dim=1, keepdim=True)) * n_cells
    floor = 0.01 * n_cells * z.detach().square().sum(dim=1).mean()
    return (numerator / torch.maximum(energy, floor).sqrt()).transpose(0, 1)


def search_loss(z_a: Tensor, z_b: Tensor, window: float, temperature: float) -> tuple[Tensor, float]:
    """Return InfoNCE over all places of all images: the middle window of each is looked for in all of the other kind.

    The right place competes with every place of every other image and with the places of its own image that lie more
    than one cell off. Symmetric in A and B.

    Parameters
    ----------
    z_a, z_b : Tensor of shape (N, C, h, w), float32
    window : float
        Side of the window as a share of h and w, in (0, 1).
    temperature : float

    Returns
    -------
    loss : Tensor, scalar
    accuracy : float
        Share of windows whose best place is the right one.
    """
    n = z_a.shape[0]
    sides = [max(2, int(side * window)) for side in z_a.shape[2:]]
    row, col = ((side - part) // 2 for side, part in zip(z_a.shape[2:], sides, strict=True))
    losses, right = [], 0.0
    for searched, asked in ((z_a, z_b), (z_b, z_a)):
        logits = window_similarity(searched, asked[:, :, row : row + sides[0], col : col + sides[1]]) / temperature
        own = torch.arange(n, device=logits.device)
        positive = logits[own, own, row, col]
        near = torch.zeros_like(logits, dtype=torch.bool)
        near[own, own, max(0, row - 1) : row + 2, max(0, col - 1) : col + 2] = True
        near[own, own, row, col] = False
        flat = logits.masked_fill(near, float("-inf")).flatten(1)
        losses.append((torch.logsumexp(flat, dim=1) - positive).mean())
        right += float((positive >= flat.amax(dim=1)).float().mean()) / 2
    return (losses[0] + losses[1]) / 2, right


def contrastive_loss(z_a: Tensor, z_b: Tensor, config: LossConfig) -> tuple[Tensor, float]:
    """Return the loss of a batch of aligned pairs and its in-batch accuracy.

    For each of the 2N representations i with partner j the loss is ``-s_ij + logsumexp over k != i of s_ik``, where s
    is the critic's similarity over the temperature; the mean over all i, plus the activation decay.

    Parameters
    ----------
    z_a, z_b : Tensor of shape (N, C, h, w), float32
        Row i of both shows the same place.

    Returns
    -------
    loss : Tensor, scalar
    accuracy : float
        Share of representations whose partner is the most similar of all 2N - 1 others.
    """
    n = z_a.shape[0]
    z = torch.cat([z_a, z_b]).float()
    penalty = _activation_penalty(z_a.float(), z_b.float(), config)
    if config.critic == "windows":
        pooled = [_pool(z, factor) for factor in config.pooling]
        found = [search_loss(p[:n], p[n:], config.window, config.temperature) for p in pooled]
        return torch.stack([loss for loss, _ in found]).mean() + penalty, found[0][1]
    similarity = critic_similarity(z, config.critic) / config.temperature
    similarity = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), float("-inf"))
    partner = torch.arange(2 * n, device=z.device).roll(n)
    loss = functional.cross_entropy(similarity, partner)
    accuracy = float((similarity.argmax(dim=1) == partner).float().mean())
    return loss + penalty, accuracy


def _pool(z: Tensor, factor: int) -> Tensor:
    return z if factor == 1 else functional.avg_pool2d(z, factor)


def _activation_penalty(z_a: Tensor, z_b: Tensor, config: LossConfig) -> Tensor:
    """Return the paper's activation decay plus the share of correlation between different channels."""
    z = torch.cat([z_a, z_b])
    penalty = z.new_zeros(())
    if config.decay_l1 or config.decay_l2:
        penalty = penalty + config.decay_l1 * z.abs().mean() + config.decay_l2 * z.square().mean()
    if config.decorrelation and z.shape[1] > 1:
        for side in (z_a, z_b):
            rows = side.transpose(0, 1).flatten(1)
            correlation = torch.corrcoef(rows)
            n_channels = rows.shape[0]
            off = correlation - torch.diag(torch.diag(correlation))
            penalty = penalty + config.decorrelation * off.square().sum() / n_channels / 2
    return penalty
