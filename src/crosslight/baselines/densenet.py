"""DenseNet: every layer sees the outputs of all layers before it in its block. Names are torchvision's."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from crosslight.errors import ModelError

BOTTLENECK = 4


class DenseLayer(nn.Module):
    """Batch norm, ReLU and a 1 x 1 convolution, then the same with 3 x 3: `growth` new channels."""

    def __init__(self, n_in: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n_in), nn.Conv2d(n_in, BOTTLENECK * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * growth)
        self.conv2 = nn.Conv2d(BOTTLENECK * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with the new channels behind it."""
        y = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        return torch.cat([x, y], dim=1)


class DenseNet(nn.Module):
    """The convolutional part of DenseNet (Huang et al. 2017, doi 10.1109/CVPR.2017.243) with global average pooling.

    (N, 3, H, W) float becomes (N, n_features). DenseNet-169 has blocks of 6, 12, 32, 32 layers, growth 32, stem 64
    and 1664 features.
    """

    def __init__(self, blocks: tuple[int, ...], growth: int, stem: int) -> None:
        super().__init__()
        parts: list[tuple[str, nn.Module]] = [
            ("conv0", nn.Conv2d(3, stem, 7, 2, 3, bias=False)),
            ("norm0", nn.BatchNorm2d(stem)),
            ("relu0", nn.ReLU(inplace=True)),
            ("pool0", nn.MaxPool2d(3, 2, 1)),
        ]
        n = stem
        for index, n_layers in enumerate(blocks, 1):
            layers = [(f"denselayer{i + 1}", DenseLayer(n + i * growth, growth)) for i in range(n_layers)]
            parts.append((f"denseblock{index}", nn.Sequential(OrderedDict(layers))))
            n += n_layers * growth
            if index < len(blocks):
                parts.append((f"transition{index}", _transition(n)))
                n //= 2
        parts.append(("norm5", nn.BatchNorm2d(n)))
        self.features = nn.Sequential(OrderedDict(parts))
        self.n_features = n

    def forward(self, x: Tensor) -> Tensor:
        """Return one row of features per image."""
        return functional.relu(self.features(x)).mean(dim=(2, 3))


def _transition(n_in: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(n_in),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(n_in, n_in // 2, 1, bias=False),
            pool=nn.AvgPool2d(2, 2),
        )
    )


def load_weights(network: DenseNet, path: Path) -> None:
    """Load ImageNet weights in torchvision's layout; raises ModelError when they do not fit."""
    try:
        weights = {k: v for k, v in load_file(path).items() if k.startswith("features.")}
        network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{path} does not hold the weights of this DenseNet ({str(error).splitlines()[0]}); give a safetensors "
            "file in torchvision's layout, or leave it out to train from scratch."
        ) from error
