"""The optimiser: Newton-Schulz against a singular value decomposition, and each kind of weight moved as it should."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from crosslight.config import OptimizerConfig
from crosslight.represent.comir.optimizer import Muon, build_optimizer, equalise_singular_values


def test_singular_values_become_nearly_equal_and_vectors_stay() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = [
        torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
        for shape in ((8, 40), (40, 8), (16, 16), (8, 9))
    ]
    spread = [torch.linspace(0.05, 1, len(values)) for _, values, _ in parts]  # a factor of twenty
    matrices = [u * values @ v for (u, _, v), values in zip(parts, spread, strict=True)]
    for (u, _, v), equalised in zip(parts, equalise_singular_values(matrices), strict=True):
        core = u.T @ equalised @ v.T
        assert torch.allclose(core, torch.diag(torch.diag(core)), atol=1e-3)
        assert float(torch.diag(core).min()) > 0.6 and float(torch.diag(core).max()) < 1.3


def test_a_gradient_of_nothing_moves_nothing() -> None:
    assert not equalise_singular_values([torch.zeros(4, 9)])[0].any()


def test_convolutions_move_by_the_rate_whatever_their_gradients_are() -> None:
    weight = nn.Parameter(torch.zeros(8, 4, 3, 3))
    optimizer = Muon([weight], [], rate=0.01, weight_decay=0.0)
    weight.grad = 1e-6 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.01, rel=0.2)


def test_everything_else_moves_as_by_adamw() -> None:
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    optimizer = Muon([], [ours], rate=0.01, weight_decay=0.1)
    reference = torch.optim.AdamW([theirs], 0.01, weight_decay=0.1)
    for step in range(5):
        for weight, chosen in ((ours, optimizer), (theirs, reference)):
            weight.grad = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0]) * (step + 1)
            chosen.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("name", ["muon", "adamw", "sgd"])
def test_each_named_optimiser_lowers_a_loss(name: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))
    optimizer = build_optimizer(network, OptimizerConfig(name=name, learning_rate=0.01))
    x = torch.randn(2, 1, 12, 12)
    losses = []
    for _ in range(20):
        loss = (network(x) - x[:, :, 2:-2, 2:-2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]
