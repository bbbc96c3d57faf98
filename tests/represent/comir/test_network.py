"""Shapes and sizes of the two networks."""

import pytest
import torch

from crosslight.config import NetworkConfig, preset
from crosslight.errors import ConfigError
from crosslight.represent.comir.fold import fold_norms
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


@pytest.mark.parametrize(
    "config",
    [
        NetworkConfig(stride=4, n_channels=3, widths=(8, 12, 16, 16, 16)),
        NetworkConfig(stride=1, n_channels=3, widths=(8, 12, 16)),
        NetworkConfig(kind="denseunet", n_channels=1),
    ],
)
def test_leaving_out_a_margin_changes_nothing_in_the_middle(config: NetworkConfig) -> None:
    torch.manual_seed(0)
    network = build_network(2, config).eval()
    margin_px, cells = network.multiple_px * 2, network.multiple_px * 2 // network.stride
    x = torch.randn(1, 2, margin_px * 3, margin_px * 2 + 64)
    with torch.inference_mode():
        whole, middle = network(x), network(x, margin_px)
    torch.testing.assert_close(middle, whole[:, :, cells:-cells, cells:-cells], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["unet", "denseunet"])
def test_a_folded_network_computes_the_same(kind: str) -> None:
    torch.manual_seed(0)
    network = build_network(2, NetworkConfig(kind=kind, n_channels=2, widths=(8, 12, 16)))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
        network.eval()
        x = torch.randn(1, 2, 64, 64)
        torch.testing.assert_close(fold_norms(network)(x), network(x), rtol=1e-3, atol=1e-4)
    norms = [sum(isinstance(m, torch.nn.BatchNorm2d) for m in n.modules()) for n in (network, fold_norms(network))]
    assert norms[0] > 0 and (kind == "denseunet" or norms[1] == 0)
