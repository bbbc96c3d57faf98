"""Shapes and sizes of the two networks."""

import pytest
import torch

from crosslight.config import NetworkConfig, preset
from crosslight.errors import ConfigError
from crosslight.represent.comir.c4unet import TurnedBatchNorm2d
from crosslight.represent.comir.fold import fold_norms
from crosslight.represent.comir.network import Enlarged, build_network, members_of


@pytest.mark.parametrize(("stride", "n_channels", "n_in"), [(1, 1, 1), (2, 4, 3), (4, 8, 16)])
def test_the_unet_works_at_its_stride(stride: int, n_channels: int, n_in: int) -> None:
    network = build_network(n_in, NetworkConfig(kind="unet", stride=stride, n_channels=n_channels, widths=(8, 16)))
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
        NetworkConfig(kind="unet", stride=4, n_channels=3, widths=(8, 12, 16, 16, 16)),
        NetworkConfig(kind="unet", stride=1, n_channels=3, widths=(8, 12, 16)),
        NetworkConfig(kind="c4unet", stride=4, n_channels=3, widths=(8, 12, 16, 16, 16)),
        NetworkConfig(kind="denseunet", n_channels=1),
        NetworkConfig(kind="unet+c4unet", stride=4, n_channels=3, widths=(8, 12, 16)),
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


@pytest.mark.parametrize("kind", ["unet", "c4unet", "denseunet", "unet+c4unet"])
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


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_c4_unet_commutes_with_quarter_turns(stride: int) -> None:
    torch.manual_seed(0)
    config = NetworkConfig(kind="c4unet", stride=stride, n_channels=3, widths=(8, 12, 16))
    network = build_network(2, config).eval()
    x = torch.randn(1, 2, 64, 96)
    with torch.inference_mode():
        z, turned, flipped = network(x), network(torch.rot90(x, 1, (2, 3))), network(x.flip(3))
    assert z.shape == (1, 3, 64 // stride, 96 // stride)
    close = 1e-3 * float(z.std())
    torch.testing.assert_close(turned, torch.rot90(z, 1, (2, 3)), rtol=1e-3, atol=close)
    assert (flipped - z.flip(3)).abs().max() > 100 * close  # it tells an image from its mirror image


def test_running_statistics_of_a_c4_unet_are_those_over_all_turns() -> None:
    torch.manual_seed(0)
    turned, plain = TurnedBatchNorm2d(6), torch.nn.BatchNorm2d(6)
    x = torch.randn(8, 24, 32, 32) * 2 + 1
    over_turns = x.reshape(8, 6, -1, 32)
    for _ in range(3):
        turned(x)
        plain(over_turns)
    torch.testing.assert_close(turned.running_mean, plain.running_mean)
    torch.testing.assert_close(turned.running_var, plain.running_var, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(turned.eval()(x), plain.eval()(over_turns).view_as(x), rtol=1e-2, atol=1e-2)


def test_the_c4_unet_has_a_quarter_of_the_weights() -> None:
    counts = [sum(p.numel() for p in build_network(3, NetworkConfig(kind=k)).parameters()) for k in ("c4unet", "unet")]
    assert counts[0] / counts[1] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("widths", [(12, 16), (8, 14)])
def test_a_c4_unet_of_odd_widths_is_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"multiples of 4, the first of 8"):
        build_network(3, NetworkConfig(kind="c4unet", widths=widths))


def test_an_ensemble_brings_its_members_to_one_representation() -> None:
    torch.manual_seed(0)
    network = build_network(2, NetworkConfig(kind="unet+c4unet", n_channels=3, widths=(8, 12, 16))).eval()
    x = torch.randn(1, 2, 64, 96)
    with torch.inference_mode():
        first, second = (member(x) for member in members_of(network))
        torch.testing.assert_close(network(x), first)  # until it has axes
        network.axes = torch.eye(6)[[4, 0, 5]]
        z = network(x)
    assert z.shape == (1, 3, 16, 24)
    torch.testing.assert_close(z, torch.stack([second[:, 1], first[:, 0], second[:, 2]], dim=1))


def test_networks_of_other_cells_are_not_joined() -> None:
    with pytest.raises(ConfigError, match=r"unet\+denseunet have cells of different sizes"):
        build_network(1, NetworkConfig(kind="unet+denseunet"))


@pytest.mark.parametrize("at", [(60, 84), (33, 117)])
def test_an_enlarged_network_has_finer_cells_at_the_same_places(at: tuple[int, int]) -> None:
    torch.manual_seed(0)
    own = build_network(1, NetworkConfig(stride=4, n_channels=2, widths=(8, 16))).eval()
    finer = Enlarged(own, 3)
    assert (finer.stride, finer.multiple_px) == (3, 6)
    x = torch.zeros(1, 1, 96, 144)
    x[..., at[0] - 6 : at[0] + 6, at[1] - 6 : at[1] + 6] = 3

    def middle_of_response(network: torch.nn.Module, stride: int) -> torch.Tensor:
        """Return where in the image, (row, column), the output differs from that of nothing at all."""
        with torch.inference_mode():
            change = (network(x) - network(torch.zeros_like(x))).square().sum(dim=1)[0]
        assert change.shape == (96 // stride, 144 // stride)
        where = torch.stack(torch.meshgrid(*(torch.arange(n) for n in change.shape), indexing="ij")).float()
        return (where * change).flatten(1).sum(dim=1) / change.sum() * stride + (stride - 1) / 2

    true = torch.tensor(at) - 0.5
    assert (middle_of_response(own, 4) - true).abs().max() < 4  # its random weights look to one side a little
    assert (middle_of_response(finer, 3) - true).abs().max() < 4


def test_leaving_out_a_margin_of_an_enlarged_network_changes_nothing_in_the_middle() -> None:
    torch.manual_seed(0)
    network = Enlarged(build_network(1, NetworkConfig(stride=4, n_channels=2, widths=(8, 16))).eval(), 3)
    x = torch.randn(1, 1, 144, 96)
    with torch.inference_mode():
        whole, middle = network(x), network(x, 24)
    assert torch.allclose(middle, whole[:, :, 8:-8, 8:-8], atol=1e-5)
