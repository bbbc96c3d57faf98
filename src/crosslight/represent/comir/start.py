"""A head start: weights that have seen many synthetic changes of modality, shipped with the package.

They were trained by `tools/make_start.py` on single images only: cuts of the Earth images in `crosslight/demo` (MIT,
NASA and NOAA imagery; without 30 to 130 degrees east, where the demonstration asks), images of scikit-image that are in
the public domain or under CC0, and drawn scenes, each shown twice with different tone curves, textures, shading, blur,
noise and objects of its own. Both networks of a model start from them; the pairs then teach what really corresponds.
There is one file for each kind of network that has a head start.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import torch
from safetensors.torch import load
from torch import nn

from crosslight.config import NetworkConfig
from crosslight.errors import ConfigError
from crosslight.represent.comir.network import Ensemble

STEM, LAST = "stem.0.weight", "output."


def load_start(network: nn.Module, config: NetworkConfig, n_in: int) -> bool:
    """Load the shipped weights into a network of `config` for images of `n_in` channels.

    The one-channel stem is spread evenly over the channels. A network with another number of output channels learns its
    last layer from nothing; returns whether the last layer was loaded too. Raises ConfigError when there are none for
    the kind, or when the rest of the network has another shape.
    """
    if isinstance(network, Ensemble):
        members = zip(network.members, config.kinds, strict=True)
        return all([load_start(member, replace(config, kind=kind), n_in) for member, kind in members])
    file = files("crosslight.represent.comir").joinpath(f"start_{config.kind}.safetensors")
    if not file.is_file():
        raise ConfigError(
            f'There is no shipped start for a {config.kind}; set start = "random" to train it from scratch.'
        )
    shipped = load(file.read_bytes())
    own = network.state_dict()
    shipped[STEM] = shipped[STEM].expand(-1, n_in, -1, -1) / n_in
    last = {k: v.shape for k, v in shipped.items() if k.startswith(LAST)}
    complete = last == {k: v.shape for k, v in own.items() if k.startswith(LAST)}
    if not complete:
        shipped.update({k: v for k, v in own.items() if k.startswith(LAST)})
    if {k: v.shape for k, v in shipped.items()} != {k: v.shape for k, v in own.items()}:
        raise ConfigError('The shipped start fits only the default widths and stride; set start = "random" for others.')
    network.load_state_dict({k: v.to(own[k].dtype).to(torch.device("cpu")) for k, v in shipped.items()})
    return complete
