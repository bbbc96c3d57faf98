"""A model folder, whatever made it -> the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from crosslight.registry import load
from crosslight.represent.comir.model import ComirModel


def open_model(folder: Path | str, device: torch.device | str = "cpu") -> Any:
    """Read a model folder of any method that `crosslight fit` writes.

    Raises
    ------
    ModelError
        When it is missing, damaged or too new.
    """
    folder = Path(folder)
    try:
        method = str(json.loads((folder / "model.json").read_text(encoding="utf-8")).get("method", "comir"))
    except (OSError, ValueError, AttributeError):
        return ComirModel.load(folder, device)  # says what is wrong
    return load("representer", method).load(folder, device)
