"""A trained network made quicker to run: batch norm, which is fixed by then, becomes part of the convolutions."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_norms(network: nn.Module) -> nn.Module:
    """Return a copy of a network in evaluation mode in which no batch norm follows a convolution directly.

    It computes the same, up to rounding. Layers that make their weights anew each time (`to_plain`) become plain ones.
    """
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        for name, layer in list(module.named_children()):
            if (to_plain := getattr(layer, "to_plain", None)) is not None:
                module._modules[name] = to_plain().eval()
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            _fold_sequence(module)
    return folded


def _fold_sequence(sequence: nn.Sequential) -> None:
    names = list(sequence._modules)
    for name, following in pairwise(names):
        convolution, norm = sequence._modules[name], sequence._modules[following]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            sequence._modules[name] = fuse_conv_bn_eval(convolution, norm)
            sequence._modules[following] = nn.Identity()
