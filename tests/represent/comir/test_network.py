"""Shapes and sizes of the two networks."""

import pytest
import torch

from crosslight.config import NetworkConfig, preset
from crosslight.errors import ConfigError
from crosslight.represent.comir.network import build_network


@pytest.mark.parametrize(("stride", "n_channels", "n_in"), [(1, 1, 1), (2, 4, 3), (4, 8, 16)])
def test_the_unet_works_at_its_stride(stride: int, n_channels: int, n_in: int) -> None:
    network = build_network(n_in, NetworkConfig(stride=stride, n_channels=n_channels, widths=(8, 16)))
    assert network(torch.zeros(2, n_in, 64, 96)).shape == (2, n_channels, 64 // stride, 96 // stride)


@pytest.mark.parametrize("n_channels", [1, 4])
def test_the_dense_unet_keeps_the_resolution(n_channels: int) -> None:
    config = NetworkConfig(kind="denseunet", n_channels=n_channels)
    network = build_network(1, config).eval()
    assert network(torch.zeros(1, 1, 128, 64)).shape == (1, n_channels, 128, 64)


def test_the_dense_unet_has_the_papers_layers() -> None:
    network = build_network(3, preset("paper").network)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    # first, 13 blocks of 4 layers, 6 transitions down, 6 up, output
    assert len(convolutions) == 1 + 13 * 4 + 6 + 6 + 1
    assert sum(p.numel() for p in network.parameters()) == 1_053_820
    assert convolutions[-1].bias is None


def test_an_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'unett'.*Did you mean 'unet'"):
        build_network(3, NetworkConfig(kind="unett"))
