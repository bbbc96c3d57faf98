"""A model folder, whatever made it -> the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from crosslight.registry import load
from crosslight.represent.record import method_of, read_record


def open_model(folder: Path | str, device: torch.device | str = "cpu") -> Any:
    """Read a model folder of any method that `crosslight fit` writes.

    Raises
    ------
    ModelError
        When it is missing, damaged or too new.
    """
    folder = Path(folder)
    return load("representer", method_of(read_record(folder))).load(folder, device)
