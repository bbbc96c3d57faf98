"""A U-Net that commutes with quarter turns by construction: its output for a turned image is the turned output.

Group convolutions over the four quarter turns (Cohen and Welling 2016, arXiv 1602.07576): every feature has one channel
per turn, and one kernel, turned, computes all four. A quarter of the weights of a `UNet` of the same widths, for the
same work.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.config import NetworkConfig
from crosslight.errors import ConfigError
from crosslight.represent.comir.network import UNet

N_TURNS = 4


class TurnedConv2d(nn.Module):
    """A convolution from features to features, each with one channel per quarter turn: channel 4 f + turn.

    `lifts` where it reads an image instead, whose channels have no turns. The turned output of an image is the output
    of the turned image, its turns moved on by one.
    """

    def __init__(self, n_in: int, n_out: int, kernel: int, step: int, padding: int, *, lifts: bool = False) -> None:
        super().__init__()
        self.n_in, self.n_out, self.step, self.padding = n_in, n_out, step, padding
        self.weight = nn.Parameter(torch.empty(n_out, n_in * (1 if lifts else N_TURNS), kernel, kernel))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # as torch's own convolutions

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        return functional.conv2d(x, self.kernel(), stride=self.step, padding=self.padding)

    def kernel(self) -> Tensor:
        """Return the weights of the plain convolution that this is: all turns of each kernel."""
        size = self.weight.shape[-1]
        own = self.weight.view(self.n_out, self.n_in, -1, size, size)
        turned = [torch.rot90(own, turn, (3, 4)).roll(turn, dims=2) for turn in range(N_TURNS)]
        kernel = torch.stack(turned, dim=1).reshape(self.n_out * N_TURNS, -1, size, size)
        return kernel.contiguous(memory_format=torch.channels_last)

    def to_plain(self) -> nn.Conv2d:
        """Return the plain convolution that this is, with its weights as they are now."""
        weight = self.kernel().detach()
        plain = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], self.step, self.padding, bias=False)
        plain.weight = nn.Parameter(weight)
        return plain.to(weight.device)


class TurnedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm of features with one channel per quarter turn, which share their weights and running statistics.

    A batch in training is normalised channel by channel, which is many times quicker; its turns look alike where crops
    are turned at random.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, 4 F, H, W)."""
        weight, bias = (values.repeat_interleave(N_TURNS) for values in (self.weight, self.bias))
        assert self.running_mean is not None
        assert self.running_var is not None
        if not self.training:
            means, variances = (v.repeat_interleave(N_TURNS) for v in (self.running_mean, self.running_var))
            return functional.batch_norm(x, means, variances, weight, bias, eps=self.eps)
        means, variances = x.new_zeros((2, x.shape[1]), dtype=torch.float32)
        normalised = functional.batch_norm(x, means, variances, weight, bias, training=True, momentum=1, eps=self.eps)
        self._keep(means.view(-1, N_TURNS), variances.view(-1, N_TURNS))
        return normalised

    @torch.no_grad()
    def _keep(self, means: Tensor, variances: Tensor) -> None:
        """Move the running statistics towards those of a batch, over all turns of each feature."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.momentum is not None
        self.running_mean.lerp_(means.mean(1), self.momentum)
        self.running_var.lerp_(variances.mean(1) + means.var(1, correction=0), self.momentum)

    def to_plain(self) -> nn.BatchNorm2d:
        """Return the plain batch norm that this is, with its statistics as they are now."""
        plain = nn.BatchNorm2d(self.num_features * N_TURNS, eps=self.eps)
        plain.load_state_dict({k: v.repeat_interleave(N_TURNS) if v.ndim else v for k, v in self.state_dict().items()})
        return plain.to(self.weight.device)


class OverTurns(nn.Module):
    """Mean and maximum over the turns: what no longer depends on them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 2 F, H, W) of (N, 4 F, H, W)."""
        n, _, height, width = x.shape
        by_turn = x.permute(0, 2, 3, 1).reshape(n, height, width, -1, N_TURNS)  # channels are last in memory
        return torch.cat([by_turn.mean(dim=4), by_turn.amax(dim=4)], dim=3).permute(0, 3, 1, 2)


class C4UNet(UNet):
    """A `UNet` of group convolutions; `widths` count all turns, so they are multiples of 4, the first of 8.

    Takes and returns what a `UNet` does. Raises ConfigError for other widths.
    """

    def __init__(self, n_in: int, config: NetworkConfig) -> None:
        if any(width % N_TURNS for width in config.widths) or config.widths[0] % (2 * N_TURNS):
            raise ConfigError(
                f"widths is {config.widths}; a c4unet needs multiples of 4, the first of 8 (a unet takes others)."
            )
        super().__init__(n_in, config)

    def _convolve(
        self, n_in: int, n_out: int, kernel: int = 3, step: int = 1, padding: int = 1, *, first: bool = False
    ) -> list[nn.Module]:
        n_read, n_features = n_in if first else n_in // N_TURNS, n_out // N_TURNS
        convolution = TurnedConv2d(n_read, n_features, kernel, step, padding, lifts=first)
        return [convolution, TurnedBatchNorm2d(n_features), nn.ReLU6(inplace=True)]

    def _mix(self, n_in: int, n_out: int) -> list[nn.Module]:
        return [OverTurns(), nn.Conv2d(n_in // N_TURNS * 2, n_out, 1, bias=False)]
