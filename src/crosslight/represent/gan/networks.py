"""Generators and the discriminator of pix2pix and CycleGAN, with the publications' layers.

Normalisation is always that of one image: what CycleGAN's instance norm is, and what pix2pix's batch norm is at its
batch of one, in training and in use.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from crosslight.config import TranslationConfig

INIT_STD = 0.02
DROPOUT_LEVELS = 3  # of the U-Net's decoder, from the inside
MAX_FACTOR = 8  # channels grow up to this times the width
N_DOWN = 2  # of the ResNet generator


def _norm(n: int, affine: bool) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(n, affine=affine)


class UNetGenerator(nn.Module):
    """pix2pix's encoder-decoder with skips (Isola et al. 2017, section 6.1.1): a 4 x 4 convolution of stride 2 a level.

    (N, n_in, H, W) in [-1, 1] becomes (N, n_out, H, W) in [-1, 1]; H and W are multiples of `multiple_px`.
    """

    def __init__(self, n_in: int, n_out: int, config: TranslationConfig) -> None:
        super().__init__()
        widths = [config.width * min(2**level, MAX_FACTOR) for level in range(config.levels)]
        self.multiple_px = 2**config.levels
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[level - 1] if level else n_in
            down: list[nn.Module] = [nn.LeakyReLU(0.2)] if level else []
            down.append(nn.Conv2d(before, width, 4, 2, 1))
            if 0 < level < config.levels - 1:
                down.append(_norm(width, affine=True))
            self.down.append(nn.Sequential(*down))
            inputs = width if level == config.levels - 1 else 2 * width
            up: list[nn.Module] = [nn.ReLU(), nn.ConvTranspose2d(inputs, before if level else n_out, 4, 2, 1)]
            if level:
                up.append(_norm(before, affine=True))
            if config.levels - 1 - DROPOUT_LEVELS <= level < config.levels - 1 and level:
                up.append(nn.Dropout(config.dropout))
            self.up.append(nn.Sequential(*up) if level else nn.Sequential(*up, nn.Tanh()))

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated batch."""
        skips: list[Tensor] = []
        for block in self.down:
            x = block(x)
            skips.append(x)
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](x if level == len(self.up) - 1 else torch.cat([x, skips[level]], dim=1))
        return x


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with mirrored borders, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), _norm(width, affine=False), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), _norm(width, affine=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return input plus change."""
        changed: Tensor = x + self.layers(x)
        return changed


class ResNetGenerator(nn.Module):
    """CycleGAN's generator (Zhu et al. 2017, section 7.2): c7s1-64, d128, d256, nine residual blocks, u128, u64, c7s1.

    (N, n_in, H, W) in [-1, 1] becomes (N, n_out, H, W) in [-1, 1]; H and W are multiples of `multiple_px`.
    """

    def __init__(self, n_in: int, n_out: int, config: TranslationConfig) -> None:
        super().__init__()
        self.multiple_px = 2**N_DOWN
        width = config.width
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(n_in, width, 7), _norm(width, False), nn.ReLU()]
        for _ in range(N_DOWN):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), _norm(2 * width, False), nn.ReLU()]
            width *= 2
        layers += [ResidualBlock(width) for _ in range(config.n_blocks)]
        for _ in range(N_DOWN):
            layers += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, 1), _norm(width // 2, False), nn.ReLU()]
            width //= 2
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, n_out, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        """Return the translated batch."""
        translated: Tensor = self.layers(x)
        return translated


class PatchDiscriminator(nn.Module):
    """The 70 x 70 PatchGAN: C64-C128-C256-C512 and one logit for every patch of 70 px."""

    def __init__(self, n_in: int, width: int, *, affine: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(n_in, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for factor, stride in ((2, 2), (4, 2), (8, 1)):
            layers += [nn.Conv2d(width * factor // 2, width * factor, 4, stride, 1), _norm(width * factor, affine)]
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(width * MAX_FACTOR, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, 1, about H / 8, about W / 8): high where a patch looks real."""
        logits: Tensor = self.layers(x)
        return logits


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights from N(0, 0.02), those of the norms from N(1, 0.02); biases are zero."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.InstanceNorm2d)) and module.weight is not None:
            centre = 1.0 if isinstance(module, nn.InstanceNorm2d) else 0.0
            nn.init.normal_(module.weight, centre, INIT_STD, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def build_generator(n_in: int, n_out: int, config: TranslationConfig) -> nn.Module:
    """Return the generator that the method was published with."""
    return (UNetGenerator if config.method == "pix2pix" else ResNetGenerator)(n_in, n_out, config)
