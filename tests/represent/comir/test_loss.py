"""The losses against slow rewrites from the paper."""

import math

import numpy as np
import pytest
import torch

from crosslight.config import LossConfig
from crosslight.represent.comir.loss import contrastive_loss, critic_similarity, search_loss, window_similarity
from crosslight.represent.comir.moves import (
    cell_grid,
    draw_quarter_moves,
    in_cells,
    move_matrix,
    read_at,
    transform,
    undo_moves,
)


def _batch(n: int = 4, channels: int = 2, side: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    z_a = torch.randn((n, channels, side, side), generator=generator)
    return z_a, z_a + torch.randn(z_a.shape, generator=generator)


def _still(n: int) -> torch.Tensor:
    """Return moves that leave every crop where it is."""
    return torch.eye(2, 3).repeat(n, 1, 1)


def _slow_similarity(x: np.ndarray, y: np.ndarray, critic: str) -> float:
    if critic == "mse":
        return -float(np.mean((x - y) ** 2))
    x, y = (v - v.mean(axis=(1, 2), keepdims=True) for v in (x, y))
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


@pytest.mark.parametrize("critic", ["mse", "correlation"])
def test_the_loss_equals_a_double_loop_over_all_pairs(critic: str) -> None:
    z_a, z_b = _batch()
    config = LossConfig(critic=critic, temperature=0.5, decorrelation=0.0, decay_l1=1e-2, decay_l2=0.1)
    z = [v.numpy().astype(np.float64) for v in (*z_a, *z_b)]
    n, total = len(z), 0.0
    for i in range(n):
        s = [_slow_similarity(z[i], z[k], critic) / 0.5 for k in range(n)]
        total += -s[(i + n // 2) % n] + math.log(sum(math.exp(s[k]) for k in range(n) if k != i))
    decay = 1e-2 * np.mean(np.abs(z)) + 0.1 * np.mean(np.square(z))
    assert float(contrastive_loss(z_a, z_b, _still(4), config)[0]) == pytest.approx(total / n + decay, rel=1e-5)


def test_equal_representations_give_full_accuracy_and_the_closed_form_loss() -> None:
    z = torch.eye(4).reshape(2, 2, 2, 2)  # MSE between different ones is 2 / 8
    loss, accuracy = contrastive_loss(z, z, _still(2), LossConfig(critic="mse", temperature=0.5, decorrelation=0.0))
    assert accuracy == 1.0
    different = math.exp(-((z[0] - z[1]) ** 2).mean().item() / 0.5)
    assert float(loss) == pytest.approx(math.log(1 + 2 * different), rel=1e-5)


def test_correlation_ignores_offset_and_gain() -> None:
    z, _ = _batch(n=2)
    similarity = critic_similarity(torch.cat([z[:1], 3 * z[:1] + 5]), "correlation")
    assert float(similarity[0, 1]) == pytest.approx(1.0, abs=1e-5)


def test_window_similarity_equals_the_correlation_of_each_cut_window() -> None:
    z_a, z_b = _batch(n=3, side=7)
    templates, masks = z_b[:, :, 1:5, 2:5], torch.ones((3, 4, 3), dtype=torch.bool)
    masks[1, 0] = masks[1, :, 2] = False
    fast = window_similarity(z_a, templates, masks).numpy()
    for m in range(3):
        cells = (slice(None), slice(1, None), slice(2)) if m == 1 else (slice(None), slice(None), slice(None))
        for i in range(3):
            for r in range(4):
                for c in range(5):
                    window = z_a[i, :, r : r + 4, c : c + 3].numpy()[cells]
                    slow = _slow_similarity(window, templates[m].numpy()[cells], "correlation")
                    assert fast[m, i, r, c] == pytest.approx(slow, abs=1e-4)


@pytest.mark.parametrize("quarters", range(4))
def test_the_search_loss_is_small_only_when_windows_are_where_they_belong(quarters: int) -> None:
    z_a, _ = _batch(n=4, side=12)
    moves = in_cells(np.stack([move_matrix(90 * quarters, (2.0, -1.0), 12)] * 4), 1)
    z_b = read_at(z_a, transform(moves, cell_grid(12, 12, z_a.device)), 12, 12)
    right, accuracy = search_loss(z_a, z_b, moves, 0.5, 0.05)
    wrong, nothing = search_loss(z_a, z_b.roll(1, dims=0), moves, 0.5, 0.05)
    assert accuracy == 1.0 and float(right) < 0.1
    assert nothing == 0.0 and float(wrong) > 1.0


def test_whole_crops_are_compared_where_both_show_the_same() -> None:
    z_a, _ = _batch(n=4, side=12)
    moves = in_cells(draw_quarter_moves(4, 12, 3, 1, np.random.default_rng(2)), 1)
    z_b = read_at(z_a, transform(moves, cell_grid(12, 12, z_a.device)), 12, 12)
    same_a, same_b = undo_moves(z_a, z_b, moves)
    shift = moves[:, :, 2] + (moves[:, :, :2] - torch.eye(2)) @ torch.full((2,), 5.5)
    assert same_a.shape[2:] == tuple(12 - shift[0].abs().round().int().flip(0)) and float(shift.abs().max()) > 0.5
    assert float((same_a - same_b).abs().max()) < 1e-4


def test_equal_channels_cost_and_unrelated_ones_do_not() -> None:
    z, _ = _batch(n=4, channels=1, side=8)
    config, without = LossConfig(decorrelation=1.0), LossConfig(decorrelation=0.0)
    costs = []
    for channels in ((z, z), (z, torch.randn(z.shape, generator=torch.Generator().manual_seed(3)))):
        both = torch.cat(channels, dim=1)
        with_it, plain = (contrastive_loss(both, both, _still(4), c)[0] for c in (config, without))
        costs.append(float(with_it - plain))
    assert costs[0] > 0.9 and costs[1] < 0.1


@pytest.mark.parametrize("critic", ["windows", "correlation", "mse"])
def test_a_channel_that_says_nothing_does_not_spoil_the_loss(critic: str) -> None:
    z, _ = _batch(n=4, channels=2, side=8)
    z[:, 1] = 0.5
    z.requires_grad_()
    loss, _ = contrastive_loss(z, z.detach(), _still(4), LossConfig(critic=critic))
    loss.backward()
    assert loss.isfinite() and z.grad is not None and z.grad.isfinite().all()
