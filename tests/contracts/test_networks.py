"""Every network of the registry has the form that training and inference rely on."""

import pytest
import torch
from torch import nn

from crosslight.config import NetworkConfig
from crosslight.registry import load, names


@pytest.fixture(params=sorted(names("network")))
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    config = NetworkConfig(
        kind=request.param, n_channels=2, widths=(8, 16), stride=1 if "dense" in request.param else 2
    )
    built: nn.Module = load("network", request.param)(3, config)
    return built.eval()


@torch.inference_mode()
def test_the_output_has_the_channels_and_the_grid_that_were_promised(network: nn.Module) -> None:
    side = 2 * network.multiple_px
    z = network(torch.rand(2, 3, side, network.multiple_px))
    assert z.shape == (2, 2, side // network.stride, network.multiple_px // network.stride)
    assert z.isfinite().all()


@torch.inference_mode()
def test_the_same_input_gives_the_same_output_and_another_another(network: nn.Module) -> None:
    x = torch.rand(1, 3, network.multiple_px, network.multiple_px)
    assert torch.equal(network(x), network(x))
    assert not torch.allclose(network(x), network(1 - x))
