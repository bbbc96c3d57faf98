"""Muon: each weight matrix moves by its gradient with all singular values made equal (Jordan et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from crosslight.config import OptimizerConfig

MOMENTUM = 0.95
N_ITERATIONS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan et al.: brings singular values near one fastest
BETAS, EPSILON = (0.9, 0.999), 1e-8
FIRST, LAST = "stem.0.", "output."


def equalise_singular_values(matrix: Tensor) -> Tensor:
    """Return a matrix with about the same singular vectors, and singular values of 0.7 to 1.2.

    The Newton-Schulz iteration X <- a X + b X X' X + c X X' X X' X only ever multiplies X from the left by a
    polynomial of X X', so that all steps but the first and the last work on the short side alone.

    Parameters
    ----------
    matrix : Tensor of shape (m, n), float32

    Returns
    -------
    equalised : Tensor of shape (m, n), float32
    """
    if matrix.shape[0] > matrix.shape[1]:
        return equalise_singular_values(matrix.T).T
    x = matrix / (matrix.norm() + 1e-7)
    gram = x @ x.T
    factor = torch.eye(len(gram), device=x.device)
    identity, (a, b, c) = factor, QUINTIC
    for _ in range(N_ITERATIONS):
        step = a * identity + b * gram + c * gram @ gram
        factor = step @ factor
        gram = step @ gram @ step
        gram = (gram + gram.T) / 2
    equalised: Tensor = factor @ x
    return equalised


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
            for weight in group["params"]:
                if weight.grad is not None:
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    move = self._move_matrix if group["matrices"] else self._move_elements
                    weight.sub_(move(weight.grad, self.state[weight]), alpha=group["lr"])

    def _move_matrix(self, gradient: Tensor, state: dict[str, Tensor]) -> Tensor:
        momentum = state.setdefault("momentum", torch.zeros_like(gradient))
        momentum.mul_(MOMENTUM).add_(gradient)
        ahead = torch.add(gradient, momentum, alpha=MOMENTUM).flatten(1)
        return (equalise_singular_values(ahead) * math.sqrt(max(ahead.shape))).view_as(gradient)

    def _move_elements(self, gradient: Tensor, state: dict[str, Tensor]) -> Tensor:
        if not state:
            state.update(n=torch.zeros(()), mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
        n = float(state["n"].add_(1))
        mean = state["mean"].lerp_(gradient, 1 - BETAS[0]) / (1 - math.pow(BETAS[0], n))
        square = state["square"].lerp_(gradient.square(), 1 - BETAS[1]) / (1 - math.pow(BETAS[1], n))
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
