"""The whole methods of `baselines`, set up for a comparison."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from crosslight import registry
from crosslight.baselines.base import Baseline
from crosslight.config import to_dict
from crosslight.describe.weights import find_weights
from crosslight.errors import ModelError
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.represent.comir.device import choose_device

WITHOUT_DEEP = (
    "run without its ResNet-50 features, on moments and texture alone: their weights are not on this machine "
    "(`crosslight fetch resnet50` downloads them)."
)


def configure_baseline(name: str, config: EvaluateConfig) -> tuple[Any, str]:
    """Return a method's settings, and what is to be said of them.

    They are those of the preset. `steps` replaces the number of training steps where there is one; IMTDF takes fetched
    weights where they are.
    """
    presets = registry.load("baseline", name).presets
    settings = presets.get(config.preset, presets["default"])
    known = {f.name for f in fields(settings)}
    if config.steps is not None and "steps" in known:
        settings = replace(settings, steps=config.steps)
    if name != "imtdf":
        return settings, ""
    try:
        find_weights("resnet50")
    except ModelError:
        return replace(settings, weights=""), WITHOUT_DEEP
    return replace(settings, weights="fetched"), ""


def build_baseline(name: str, config: EvaluateConfig) -> Baseline:
    """Return the method, ready to learn or to take in a repository."""
    kind = registry.load("baseline", name)
    baseline: Baseline = kind(
        configure_baseline(name, config)[0], seed=config.seed, device=str(choose_device(config.device))
    )
    return baseline


def baseline_inputs(name: str, config: EvaluateConfig) -> dict[str, Any]:
    """Return what a method's figures depend on, to be hashed; of one that is not known, its name."""
    if name not in registry.names("baseline"):
        return {"unknown": name}
    return {"settings": to_dict(configure_baseline(name, config)[0])}
