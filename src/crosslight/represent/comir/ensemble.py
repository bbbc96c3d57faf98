"""What the members of an ensemble have in common, in as few channels as one of them has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from torch import nn

from crosslight.represent.comir.infer import run_network
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.model import show_enlarged
from crosslight.represent.comir.network import Ensemble, members_of
from crosslight.types import Float32, Float64, Pair

AROUND_CELLS = 31  # about as large as a small query, of which alignment does not see the means either


def settle_axes(
    networks: Sequence[nn.Module], intensities: Sequence[Intensity], pairs: Sequence[Pair], cell_px: int = 0
) -> None:
    """Give the two ensembles of a model the axes along which their members agree most; other networks have none.

    Parameters
    ----------
    networks, intensities : of A and of B
        Trained, in evaluation mode.
    pairs : sequence of Pair
        Training pairs to measure on.
    cell_px : int
        As in `NetworkConfig`.
    """
    ensembles = [network for network in networks if isinstance(network, Ensemble)]
    if not ensembles:
        return
    n_kept, n_all = ensembles[0].axes.shape
    device = ensembles[0].axes.device
    shared = np.zeros((n_all, n_all))
    for pair in pairs:
        a, b = (
            np.concatenate(
                [
                    _without_surroundings(run_network(show_enlarged(member, cell_px), intensity, image, device))
                    for member in members_of(ensemble)
                ]
            )
            for ensemble, intensity, image in zip(ensembles, intensities, (pair.a, pair.b), strict=True)
        )
        shared += a @ b.T
    axes = torch.from_numpy(shared_axes(shared, n_kept).astype(np.float32)).to(device)
    for ensemble in ensembles:
        ensemble.axes = axes.clone()


def shared_axes(covariance: Float64, n_axes: int) -> Float64:
    """Return orthonormal axes that hold most of what two kinds of images share.

    They span the first eigenvectors of the symmetric part, and lie as near to the first channels as these can
    (orthogonal Procrustes), so that each is about as strong as a channel was.

    Parameters
    ----------
    covariance : ndarray of shape (C, C), float64
        Between the channels of A (rows) and of B at the same places.

    Returns
    -------
    axes : ndarray of shape (n_axes, C), float64
    """
    _, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    main = vectors[:, ::-1][:, :n_axes].T
    left, _, right = np.linalg.svd(main[:, :n_axes].T)
    axes: Float64 = left @ right @ main
    return axes


def _without_surroundings(values: Float32) -> Float64:
    """Return (C, h, w) values less the means around them, as (C, h * w)."""
    z = torch.from_numpy(values)[None]
    z = z - functional.avg_pool2d(z, AROUND_CELLS, 1, AROUND_CELLS // 2, count_include_pad=False)
    flat: Float64 = z[0].flatten(1).numpy().astype(np.float64)
    return flat
