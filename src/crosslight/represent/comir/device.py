"""Which processor runs the networks, and in what precision."""

from __future__ import annotations

import contextlib

import torch

from crosslight.errors import ConfigError


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    Raises ConfigError when the device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"Device {name!r} cannot be used here; try --device cpu.") from error


def is_low_precision(device: torch.device) -> bool:
    """Tell whether networks run in bfloat16: on CUDA, and on CPUs that compute with it."""
    return device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_avx512_bf16_supported())


def low_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return the context in which networks run: bfloat16 where that is quick, else float32."""
    if is_low_precision(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()
