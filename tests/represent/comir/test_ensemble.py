"""The axes along which the members of an ensemble agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from crosslight.config import NetworkConfig
from crosslight.represent.comir.ensemble import settle_axes, shared_axes
from crosslight.represent.comir.intensity import measure_intensity
from crosslight.represent.comir.network import build_network
from crosslight.types import Image, Pair

CONFIG = NetworkConfig(kind="unet+c4unet", n_channels=2, widths=(8, 12))


def test_axes_hold_what_is_shared_and_leave_out_what_is_not() -> None:
    rng = np.random.default_rng(0)
    shared, mixing = rng.standard_normal((2, 5000)) * [[3], [2]], np.linalg.qr(rng.standard_normal((6, 6)))[0]
    # Channels of six that show two shared signals, and four more that are strong and show each kind something else.
    a, b = (mixing @ np.concatenate([shared, 4 * rng.standard_normal((4, 5000))]) for _ in range(2))
    axes = shared_axes(a @ b.T, 2)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-9)
    assert np.linalg.norm(axes @ mixing[:, :2]) == pytest.approx(np.sqrt(2), rel=0.02)


def test_axes_lie_near_the_first_channels() -> None:
    np.testing.assert_allclose(shared_axes(np.diag([2.0, 5.0, 3.0, 0.1]), 3), np.eye(3, 4), atol=1e-9)


def _pairs() -> list[Pair]:
    pairs = []
    for seed in range(2):
        pixels = np.random.default_rng(seed).integers(0, 255, (128, 132, 1), np.uint8)
        image = Image(pixels=pixels, name=str(seed))
        pairs.append(Pair(name=str(seed), a=image, b=replace(image, pixels=255 - pixels)))
    return pairs


def test_both_ensembles_of_a_model_get_the_same_axes() -> None:
    torch.manual_seed(0)
    pairs, networks = _pairs(), [build_network(1, CONFIG).eval() for _ in range(2)]
    intensities = [measure_intensity([p.a for p in pairs], "off"), measure_intensity([p.b for p in pairs], "off")]
    settle_axes(networks, intensities, pairs, cell_px=3)
    assert networks[0].axes.shape == (2, 4)
    assert torch.equal(networks[0].axes, networks[1].axes)
    assert not torch.equal(networks[0].axes, torch.eye(2, 4))
    torch.testing.assert_close(networks[0].axes @ networks[0].axes.T, torch.eye(2))


def test_other_networks_have_no_axes() -> None:
    network = build_network(1, replace(CONFIG, kind="unet"))
    before = {name: values.clone() for name, values in network.state_dict().items()}
    settle_axes([network, network], [], [])
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
