"""A residual network whose shape is read from its weights: ResNet-50, 101, 152, or any other of bottleneck blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from crosslight.errors import ModelError

N_STAGES = 4
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue in [0, 1]
STD = (0.229, 0.224, 0.225)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions with a shortcut; the stride sits in the 3 x 3 one (version 1.5)."""

    def __init__(self, n_in: int, width: int, n_out: int, stride: int, *, shortcut: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(n_in, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)) if shortcut else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResidualNetwork(nn.Module):
    """The convolutional part of a ResNet (He et al. 2016, doi 10.1109/CVPR.2016.90), without its last layer.

    `weights` has torchvision's names; numbers of blocks and channels are read from it.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        n_stem = weights["conv1.weight"].shape[0]
        self.conv1, self.bn1 = nn.Conv2d(3, n_stem, 7, 2, 3, bias=False), nn.BatchNorm2d(n_stem)
        self.stages = nn.ModuleList()
        for stage in range(1, N_STAGES + 1):
            blocks = nn.Sequential()
            while (head := f"layer{stage}.{len(blocks)}") + ".conv1.weight" in weights:
                width, n_in = weights[f"{head}.conv1.weight"].shape[:2]
                n_out = weights[f"{head}.conv3.weight"].shape[0]
                stride = 2 if stage > 1 and len(blocks) == 0 else 1
                shortcut = f"{head}.downsample.0.weight" in weights
                blocks.append(Bottleneck(n_in, width, n_out, stride, shortcut=shortcut))
            self.stages.append(blocks)
        own = {re.sub(r"^layer(\d)", lambda m: f"stages.{int(m[1]) - 1}", k): v for k, v in weights.items()}
        self.load_state_dict({k: v for k, v in own.items() if not k.startswith("fc.")})
        self.n_channels = int(self.stages[-1][-1].conv3.out_channels)  # type: ignore[index]
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Turn (N, 3, H, W) in [0, 1] into the last map, (N, n_channels, ceil(H / 32), ceil(W / 32))."""
        mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
        x = functional.relu(self.bn1(self.conv1((x - mean) / std)))
        x = functional.max_pool2d(x, 3, 2, 1)
        for stage in self.stages:
            x = stage(x)
        return x


def load_network(path: Path) -> ResidualNetwork:
    """Read a network from a safetensors file in torchvision's or in transformers' layout.

    Raises
    ------
    ModelError
        If the file is not safetensors, or not a ResNet of bottleneck blocks.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{path} is not a safetensors file ({error}); docs/how-to/use-resnet-weights.md says how to convert others."
        ) from error
    try:
        return ResidualNetwork(to_torchvision_names(weights))
    except (KeyError, IndexError, AttributeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path} does not hold a ResNet of bottleneck blocks ({str(error).splitlines()[0]}); give the weights of "
            "ResNet-152 (or 50, 101) in torchvision's or transformers' layout."
        ) from error


PARTS = {"convolution": "conv", "normalization": "bn"}
BLOCK = re.compile(r"encoder\.stages\.(\d)\.layers\.(\d+)\.(?:layer\.(\d)|(shortcut))\.(\w+)\.(\w+)")
STEM = re.compile(r"embedder\.embedder\.(\w+)\.(\w+)")


def to_torchvision_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under torchvision's names, whichever of the two layouts they came in."""
    return {
        _rename(name.removeprefix("resnet.")): tensor for name, tensor in weights.items() if "classifier" not in name
    }


def _rename(name: str) -> str:
    if match := STEM.fullmatch(name):
        return f"{PARTS[match[1]]}1.{match[2]}"
    if match := BLOCK.fullmatch(name):
        head = f"layer{int(match[1]) + 1}.{match[2]}"
        if match[4]:
            return f"{head}.downsample.{0 if match[5] == 'convolution' else 1}.{match[6]}"
        return f"{head}.{PARTS[match[5]]}{int(match[3]) + 1}.{match[6]}"
    return name
