"""The whole methods of `baselines`, set up for a comparison."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from crosslight import registry
from crosslight.baselines.base import Baseline
from crosslight.describe.weights import find_weights
from crosslight.errors import ModelError
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.represent.comir.device import choose_device
from crosslight.settings import to_dict

WITHOUT_WEIGHTS = {  # what a method reads, and what is said where it is not on this machine
    "imtdf": ("resnet50", "run without its ResNet-50 features, on moments and texture alone"),
    "tcnet": ("densenet169", "trained from a random start instead of ImageNet weights"),
}


def configure_baseline(name: str, config: EvaluateConfig) -> tuple[Any, str]:
    """Return a method's settings, and what is to be said of them.

    They are those of the preset. `steps` replaces the number of training steps where there is one; fetched weights
    are taken where they are and fit.
    """
    presets = registry.load("baseline", name).presets
    settings = presets.get(config.preset, presets["default"])
    known = {f.name for f in fields(settings)}
    if config.steps is not None and "steps" in known:
        settings = replace(settings, steps=config.steps)
    if name not in WITHOUT_WEIGHTS or (name == "tcnet" and settings.weights != "fetched"):
        return settings, ""
    weights, instead = WITHOUT_WEIGHTS[name]
    try:
        find_weights(weights)
    except ModelError:
        note = f"{instead}: the weights are not on this machine (`crosslight fetch {weights}` downloads them)."
        return replace(settings, weights=""), note
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
