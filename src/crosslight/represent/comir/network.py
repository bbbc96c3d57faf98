"""The light U-Net of the default preset: one per modality, working on a coarser grid than the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from crosslight.config import NetworkConfig
from crosslight.errors import ConfigError
from crosslight.registry import load

LOCAL_CELLS = 9
LOCAL_FLOOR = 1e-4
REACH_CELLS = 8  # cells around what is wanted, on which a level of the way up still depends


def normalise_locally(z: Tensor) -> Tensor:
    """Divide by the local root mean square over all channels and `LOCAL_CELLS` x `LOCAL_CELLS` cells.

    The loss does not see how strong a whole crop is, so without this some images come out a hundred times stronger
    than others, and their quiet parts would be lost in 8 bits.
    """
    energy = z.square().mean(dim=1, keepdim=True)
    local = functional.avg_pool2d(energy, LOCAL_CELLS, stride=1, padding=LOCAL_CELLS // 2, count_include_pad=False)
    return z / (local + LOCAL_FLOOR).sqrt()


class UNet(nn.Module):
    """A U-Net whose stem and output work at 1/`stride` of the image's resolution.

    Takes (N, n_in, H, W) float and returns (N, n_channels, H / stride, W / stride); H and W must be multiples of
    `multiple_px`.
    """

    def __init__(self, n_in: int, config: NetworkConfig) -> None:
        super().__init__()
        widths: Sequence[int] = config.widths
        self.stride = config.stride
        self.multiple_px = config.stride * 2 ** (len(widths) - 1)
        self.stem = self._build_stem(n_in, widths[0])
        inputs = (widths[0], *widths[:-1])
        self.down = nn.ModuleList(self._build_block(i, o) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(
            self._build_block(coarse + fine, fine)
            for coarse, fine in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True)
        )
        self.dropout = nn.Dropout2d(config.dropout)
        # Channels of equal strength: otherwise one takes over and the others carry nothing.
        self.output = nn.Sequential(
            *self._mix(widths[0], config.n_channels), nn.BatchNorm2d(config.n_channels, affine=False)
        )

    def _build_stem(self, n_in: int, n_out: int) -> nn.Sequential:
        """Bring the image to 1/stride of its size, halving it once per layer: edges of either sign need a bend."""
        n_halvings = self.stride.bit_length() - 1
        layers: list[nn.Module] = []
        channels = n_in
        for left in range(max(1, n_halvings), 0, -1):
            first, wanted = not layers, n_out // 2 ** (left - 1)
            kernel, step, padding = (3, 1, 1) if n_halvings == 0 else (6, 2, 2) if first else (4, 2, 1)
            layers += self._convolve(channels, wanted, kernel, step, padding, first=first)
            channels = wanted
        return nn.Sequential(*layers)

    def _build_block(self, n_in: int, n_out: int) -> nn.Sequential:
        return nn.Sequential(*self._convolve(n_in, n_out), *self._convolve(n_out, n_out))

    def _convolve(
        self, n_in: int, n_out: int, kernel: int = 3, step: int = 1, padding: int = 1, *, first: bool = False
    ) -> list[nn.Module]:
        """Return a convolution with what follows it; `first` where it reads the image."""
        convolution = nn.Conv2d(n_in, n_out, kernel, step, padding, bias=False)
        return [convolution, nn.BatchNorm2d(n_out), nn.ReLU6(inplace=True)]

    def _mix(self, n_in: int, n_out: int) -> list[nn.Module]:
        """Return what makes the output's channels of the last features."""
        return [nn.Conv2d(n_in, n_out, 1, bias=False)]

    def forward(self, x: Tensor, margin_px: int = 0) -> Tensor:
        """Return the representation of a batch, or of the middle of one.

        Of a margin, a multiple of `multiple_px`, only as much is computed on the way up as the middle depends on.
        """
        margin = margin_px // self.stride
        x = self.stem(x)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if level else x)
            skips.append(x)
        x = self.dropout(x)
        held = margin >> (len(skips) - 1)  # cells of margin around x
        for level, block in zip(reversed(range(len(self.up))), self.up, strict=True):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            kept = min(2 * held, REACH_CELLS)
            x = block(torch.cat([_middle(x, 2 * held - kept), _middle(skips[level], (margin >> level) - kept)], dim=1))
            held = kept
        return _middle(normalise_locally(self.output(x).float()), held)


def _middle(x: Tensor, n_cells: int) -> Tensor:
    """Leave out `n_cells` on every side."""
    return x[:, :, n_cells:-n_cells, n_cells:-n_cells] if n_cells else x


class Enlarged(nn.Module):
    """A trained network that is shown everything enlarged, so that its cells cover `cell_px` pixels of the image.

    Places are told apart by finer cells than the network has. Takes and returns what the network does.
    """

    def __init__(self, network: nn.Module, cell_px: int) -> None:
        super().__init__()
        self.network, self.stride = network, cell_px
        self._own = int(network.stride)  # type: ignore[arg-type]
        self.multiple_px = int(network.multiple_px) * cell_px // self._own  # type: ignore[arg-type]

    def forward(self, x: Tensor, margin_px: int = 0) -> Tensor:
        """Return the representation of a batch, or of the middle of one; see `UNet`."""
        size = [n * self._own // self.stride for n in x.shape[2:]]
        larger = functional.interpolate(x, size=size, mode="bilinear", align_corners=False)
        z: Tensor = self.network(larger, margin_px * self._own // self.stride)
        return z


class Ensemble(nn.Module):
    """Networks of several kinds side by side; where one errs, another often does not.

    Each member is trained for itself. Together they take and return what a `UNet` does: all their channels, brought to
    `n_channels` by orthonormal `axes`, at first those of the first member; see `ensemble.settle_axes`. Raises
    ConfigError where the members' strides differ.
    """

    axes: Tensor  # (n_channels, channels of all members)

    def __init__(self, n_in: int, config: NetworkConfig) -> None:
        super().__init__()
        self.members = nn.ModuleList(build_network(n_in, replace(config, kind=kind)) for kind in config.kinds)
        strides = {int(member.stride) for member in self.members}  # type: ignore[arg-type]
        if len(strides) > 1:
            raise ConfigError(f"The networks of {config.kind} have cells of different sizes; join others.")
        self.stride = strides.pop()
        self.multiple_px = math.lcm(*(int(member.multiple_px) for member in self.members))  # type: ignore[arg-type]
        self.register_buffer("axes", torch.eye(config.n_channels, config.n_channels * len(self.members)))

    def forward(self, x: Tensor, margin_px: int = 0) -> Tensor:
        """Return the representation of a batch, or of the middle of one; see `UNet`."""
        z = torch.cat([member(x, margin_px) for member in self.members], dim=1)
        return functional.conv2d(z.float(), self.axes[:, :, None, None])


def members_of(network: nn.Module) -> Sequence[nn.Module]:
    """Return what is trained for itself: the members of an ensemble, or the network."""
    return list(network.members) if isinstance(network, Ensemble) else [network]


def build_network(n_in: int, config: NetworkConfig) -> nn.Module:
    """Build the network that `config.kind` names, for images of `n_in` channels."""
    if len(config.kinds) > 1:
        return Ensemble(n_in, config)
    network: nn.Module = load("network", config.kind)(n_in, config)
    return network
