"""The losses of TC-Net: triplets, and three classifications in which every pair is a class of its own."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

ANGLE = 4  # m of the spherical loss


def triplet_loss(anchors: Tensor, others: Tensor, margin: float) -> Tensor:
    """Return the mean hinge over all triplets of a batch.

    Row i of `anchors` (N, D) is the query's modality, row i of `others` its partner and all other rows negatives:
    max(0, margin + |a_i - o_i|^2 - |a_i - o_j|^2) over j != i.
    """
    distances = torch.cdist(anchors, others).square()
    hinge = functional.relu(margin + distances.diagonal()[:, None] - distances)
    n = len(anchors)
    return (hinge.sum() - hinge.diagonal().sum()) / max(1, n * (n - 1))


class Classifications(nn.Module):
    """Softmax, spherical and centre loss over features of `n_classes` pairs."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.softmax = nn.Linear(n_features, n_classes)
        self.sphere = nn.Parameter(torch.randn(n_classes, n_features) / math.sqrt(n_features))
        self.centres = nn.Parameter(torch.zeros(n_classes, n_features))

    def forward(self, features: Tensor, labels: Tensor, easing: float) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three losses of features (N, D) with class numbers (N,); see `spherical_loss` for `easing`."""
        softmax = functional.cross_entropy(self.softmax(features), labels)
        sphere = spherical_loss(features, self.sphere, labels, easing)
        centre = 0.5 * (features - self.centres[labels]).square().sum(dim=1).mean()
        return softmax, sphere, centre


def spherical_loss(features: Tensor, weights: Tensor, labels: Tensor, easing: float) -> Tensor:
    """Return the angular softmax of SphereFace (Liu et al. 2017, doi 10.1109/CVPR.2017.713).

    The logit of class k is |x| cos(t_k), t_k the angle between x and the class's weight; that of the right class is
    |x| psi(t), psi(t) = (-1)^q cos(m t) - 2 q for t in [q pi / m, (q + 1) pi / m], m = 4, mixed with its plain form:
    (psi + easing * cos) / (1 + easing).
    """
    norm = features.norm(dim=1, keepdim=True)
    cosine = functional.normalize(features) @ functional.normalize(weights).T
    right = cosine.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = torch.acos(right)
    q = torch.floor(angle.detach() * ANGLE / math.pi)
    psi = (1 - 2 * (q % 2)) * torch.cos(ANGLE * angle) - 2 * q
    eased = (psi + easing * right) / (1 + easing)
    logits = norm * cosine.scatter(1, labels[:, None], eased)
    return functional.cross_entropy(logits, labels)
