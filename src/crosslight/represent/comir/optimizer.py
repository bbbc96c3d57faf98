"""Muon: each weight matrix moves by its gradient with all singular values made equal (Jordan et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from crosslight.config import OptimizerConfig

MOMENTUM = 0.95
N_ITERATIONS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al.: brings singular values near one fastest
BETAS, EPSILON = (0.9, 0.999), 1e-8
FIRST, LAST = "stem.0.", "output."


def equalise_singular_values(matrices: Sequence[Tensor]) -> list[Tensor]:
    """Return matrices with about the same singular vectors, and singular values of 0.7 to 1.2.

    The Newton-Schulz iteration X <- a X + b X X' X + c X X' X X' X only ever multiplies X from the left by a
    polynomial of X X'. So all steps but the first and the last work on the short side alone, and on all matrices of one
    short side at once.

    Parameters
    ----------
    matrices : sequence of Tensor of shape (m, n), float32
        Of any shapes.

    Returns
    -------
    equalised : list of Tensor of the same shapes, float32
    """
    wide = [x / (x.norm() + 1e-7) for x in (m if m.shape[0] <= m.shape[1] else m.T for m in matrices)]
    equalised = list(wide)
    for side in {len(x) for x in wide}:
        alike = [i for i, x in enumerate(wide) if len(x) == side]
        factors = _iterate(torch.stack([wide[i] @ wide[i].T for i in alike]))
        for i, factor in zip(alike, factors, strict=True):
            equalised[i] = factor @ wide[i]
    return [e if e.shape == m.shape else e.T for e, m in zip(equalised, matrices, strict=True)]


def _iterate(gram: Tensor) -> Tensor:
    """Return, for each X X' of (N, m, m), the polynomial by which the iterations multiply X."""
    a, b, c = QUINTIC
    identity = torch.eye(gram.shape[-1], device=gram.device)
    factor = identity.expand_as(gram)
    for _ in range(N_ITERATIONS):
        step = a * identity + b * gram + c * gram @ gram
        factor = step @ factor
        gram = step @ gram @ step
        gram = (gram + gram.mT) / 2
    return factor


class Muon(torch.optim.Optimizer):
    """Muon for convolutions, seen as matrices of (outputs, inputs x kernel), and AdamW for everything else.

    The updates of both have a root mean square of about the rate, so that one rate serves.
    """

    def __init__(self, matrices: Iterable[Tensor], others: Iterable[Tensor], rate: float, weight_decay: float) -> None:
        groups = [{"params": list(matrices), "matrices": True}, {"params": list(others), "matrices": False}]
        super().__init__(groups, {"lr": rate, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            moves = self._move_matrices(weights) if group["matrices"] else map(self._move_elements, weights)
            for weight, move in zip(weights, moves, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(move, alpha=group["lr"])

    def _move_matrices(self, weights: Sequence[Tensor]) -> list[Tensor]:
        ahead = []
        for weight in weights:
            gradient, state = weight.grad, self.state[weight]
            assert gradient is not None
            momentum = state.setdefault("momentum", torch.zeros_like(weight))
            momentum.mul_(MOMENTUM).add_(gradient)
            ahead.append(torch.add(gradient, momentum, alpha=MOMENTUM).flatten(1))
        equalised = equalise_singular_values(ahead)
        return [(e * math.sqrt(max(e.shape))).view_as(w) for e, w in zip(equalised, weights, strict=True)]

    def _move_elements(self, weight: Tensor) -> Tensor:
        gradient, state = weight.grad, self.state[weight]
        assert gradient is not None
        if not state:
            state.update(step=torch.zeros(()), mean=torch.zeros_like(weight), square=torch.zeros_like(weight))
        n = float(state["step"].add_(1))  # by this name it stays on the CPU when a checkpoint is loaded
        mean: Tensor = state["mean"].lerp_(gradient, 1 - BETAS[0]) / (1 - math.pow(BETAS[0], n))
        square: Tensor = state["square"].lerp_(gradient.square(), 1 - BETAS[1]) / (1 - math.pow(BETAS[1], n))
        return mean / (square.sqrt() + EPSILON)


def build_optimizer(networks: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Build the optimiser that `config.name` names.

    The first and the last convolution of a network count as "everything else" for Muon, as its authors advise.
    """
    weights, rate, decay = dict(networks.named_parameters()), config.learning_rate, config.weight_decay
    if config.name == "sgd":
        return torch.optim.SGD(weights.values(), rate, momentum=config.momentum, weight_decay=decay)
    if config.name == "adamw":
        return torch.optim.AdamW(weights.values(), rate, weight_decay=decay)
    matrices = [name for name, w in weights.items() if w.ndim == 4 and FIRST not in name and LAST not in name]
    others = weights.keys() - set(matrices)
    return Muon([weights[n] for n in matrices], [w for n, w in weights.items() if n in others], rate, decay)
