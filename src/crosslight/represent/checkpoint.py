"""A training on its way, as a folder of safetensors and JSON that is whole at any moment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crosslight.errors import ModelError


def write_checkpoint(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write named groups of tensors and the state, so that a kill leaves the old checkpoint or the new one."""
    new, old = folder.with_name(folder.name + ".new"), _older(folder)
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name, group in tensors.items():
        save_file({k: v.detach().cpu().contiguous() for k, v in group.items()}, new / f"{name}.safetensors")
    (new / "state.json").write_text(json.dumps(state), encoding="utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    new.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def has_checkpoint(folder: Path) -> bool:
    """Return whether there is a checkpoint to go on from."""
    return folder.exists() or _older(folder).exists()


def read_checkpoint(folder: Path, names: tuple[str, ...]) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what `write_checkpoint` wrote; raises ModelError when it is missing or damaged."""
    if not folder.exists():
        folder = _older(folder)  # killed between the two renames
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return {name: load_file(folder / f"{name}.safetensors") for name in names}, state
    except Exception as error:
        raise ModelError(
            f"The checkpoint {folder} cannot be read ({error}); delete that folder to train anew."
        ) from error


def _older(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def pack_moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's running averages by name."""
    states = optimizer.state_dict()["state"]
    return {
        f"{i}.{key}": torch.as_tensor(value)
        for i, values in states.items()
        for key, value in values.items()
        if value is not None
    }


def unpack_moments(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    """Undo `pack_moments`."""
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in moments.items():
        index, key = name.split(".", 1)
        states.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})
