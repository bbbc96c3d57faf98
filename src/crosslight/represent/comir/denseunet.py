"""The paper's network: a fully convolutional DenseNet, "one hundred layers tiramisu" (Jegou et al. 2017).

Settings of Pielawski, Wetzer et al. 2020: a 3 x 3 convolution with 32 filters, six blocks down and six up of four dense
layers with growth 12, a bottleneck of four, max pooling after a 0.75 compression on the way down, nearest upsampling
and a convolution on the way up, a last 1 x 1 convolution without bias or activation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.config import NetworkConfig

N_BLOCKS, N_LAYERS, N_FIRST, COMPRESSION = 6, 4, 32, 0.75


class _DenseLayer(nn.Sequential):
    """Batch norm, ReLU, 3 x 3 convolution to `growth` new channels, dropout."""

    def __init__(self, n_in: int, growth: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm2d(n_in), nn.ReLU(inplace=False), nn.Conv2d(n_in, growth, 3, padding=1), nn.Dropout2d(dropout)
        )


class _DenseBlock(nn.Module):
    """Layers that each see all that came before; returns the input with everything new, or the new alone."""

    def __init__(self, n_in: int, growth: int, dropout: float, *, keep_input: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_DenseLayer(n_in + i * growth, growth, dropout) for i in range(N_LAYERS))
        self.keep_input = keep_input
        self.n_out = N_LAYERS * growth + (n_in if keep_input else 0)

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, dim=1)))
        return torch.cat(features if self.keep_input else features[1:], dim=1)


class _Down(nn.Sequential):
    """Compress the channels by 1 x 1 convolution, then halve the resolution."""

    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__(
            nn.BatchNorm2d(n_in), nn.ReLU(inplace=False), nn.Conv2d(n_in, n_out, 1), nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
        )  # fmt: skip


class DenseUNet(nn.Module):
    """Takes (N, n_in, H, W) float, H and W multiples of 64, and returns (N, n_channels, H, W)."""

    stride = 1
    multiple_px = 2**N_BLOCKS

    def __init__(self, n_in: int, config: NetworkConfig) -> None:
        super().__init__()
        growth, dropout = config.growth, config.dropout
        self.first = nn.Conv2d(n_in, N_FIRST, 3, padding=1)
        n, skips = N_FIRST, []
        self.down_blocks, self.downs = nn.ModuleList(), nn.ModuleList()
        for _ in range(N_BLOCKS):
            block = _DenseBlock(n, growth, dropout, keep_input=True)
            skips.append(block.n_out)
            n = int(block.n_out * COMPRESSION)
            self.down_blocks.append(block)
            self.downs.append(_Down(block.n_out, n, dropout))
        self.bottleneck = _DenseBlock(n, growth, dropout, keep_input=False)
        n = self.bottleneck.n_out
        self.ups, self.up_blocks = nn.ModuleList(), nn.ModuleList()
        for level, skip in enumerate(reversed(skips)):
            self.ups.append(nn.Conv2d(n, n, 3, padding=1))
            block = _DenseBlock(n + skip, growth, dropout, keep_input=level == N_BLOCKS - 1)
            self.up_blocks.append(block)
            n = block.n_out
        self.output = nn.Conv2d(n, config.n_channels, 1, bias=False)

    def forward(self, x: Tensor, margin_px: int = 0) -> Tensor:
        """Return the representation of a batch without a margin on every side."""
        x = self.first(x)
        skips: list[Tensor] = []
        for block, down in zip(self.down_blocks, self.downs, strict=True):
            x = block(x)
            skips.append(x)
            x = down(x)
        x = self.bottleneck(x)
        for up, block, skip in zip(self.ups, self.up_blocks, reversed(skips), strict=True):
            x = up(functional.interpolate(x, scale_factor=2, mode="nearest"))
            x = block(torch.cat([x, skip], dim=1))
        result: Tensor = self.output(x)
        return result[:, :, margin_px:-margin_px, margin_px:-margin_px] if margin_px else result
