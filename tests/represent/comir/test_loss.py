"""The losses against slow rewrites from the paper."""

import math

import numpy as np
import pytest
import torch

from crosslight.config import LossConfig
from crosslight.represent.comir.loss import contrastive_loss, critic_similarity, search_loss, window_similarity


def _batch(n: int = 4, channels: int = 2, side: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    z_a = torch.randn((n, channels, side, side), generator=generator)
    return z_a, z_a + torch.randn(z_a.shape, generator=generator)


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
    assert float(contrastive_loss(z_a, z_b, config)[0]) == pytest.approx(total / n + decay, rel=1e-5)


def test_equal_representations_give_full_accuracy_and_the_closed_form_loss() -> None:
    z = torch.eye(4).reshape(2, 2, 2, 2)  # MSE between different ones is 2 / 8
    loss, accuracy = contrastive_loss(z, z, LossConfig(critic="mse", temperature=0.5, decorrelation=0.0))
    assert accuracy == 1.0
    different = math.exp(-((z[0] - z[1]) ** 2).mean().item() / 0.5)
    assert float(loss) == pytest.approx(math.log(1 + 2 * different), rel=1e-5)


def test_correlation_ignores_offset_and_gain() -> None:
    z, _ = _batch(n=2)
    similarity = critic_similarity(torch.cat([z[:1], 3 * z[:1] + 5]), "correlation")
    assert float(similarity[0, 1]) == pytest.approx(1.0, abs=1e-5)


def test_window_similarity_equals_the_correlation_of_each_cut_window() -> None:
    z_a, z_b = _batch(n=3, side=7)
    templates = z_b[:, :, 1:5, 2:5]
    fast = window_similarity(z_a, templates).numpy()
    for m in range(3):
        for i in range(3):
            for r in range(4):
                for c in range(5):
                    window = z_a[i, :, r : r + 4, c : c + 3].numpy()
                    slow = _slow_similarity(window, templates[m].numpy(), "correlation")
                    assert fast[m, i, r, c] == pytest.approx(slow, abs=1e-4)


def test_the_search_loss_is_small_only_when_windows_are_where_they_belong() -> None:
    z_a, _ = _batch(n=4, side=12)
    right, accuracy = search_loss(z_a, z_a.clone(), 0.5, 0.05)
    wrong, nothing = search_loss(z_a, z_a.roll(1, dims=0), 0.5, 0.05)
    assert accuracy == 1.0 and float(right) < 0.1
    assert nothing == 0.0 and float(wrong) > 1.0


def test_equal_channels_cost_and_unrelated_ones_do_not() -> None:
    z, _ = _batch(n=4, channels=1, side=8)
    config, without = LossConfig(decorrelation=1.0), LossConfig(decorrelation=0.0)
    costs = []
    for channels in ((z, z), (z, torch.randn(z.shape, generator=torch.Generator().manual_seed(3)))):
        both = torch.cat(channels, dim=1)
        costs.append(float(contrastive_loss(both, both, config)[0] - contrastive_loss(both, both, without)[0]))
    assert costs[0] > 0.9 and costs[1] < 0.1
