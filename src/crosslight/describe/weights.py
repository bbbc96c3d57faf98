"""ImageNet weights of known networks: where they are on this machine, and fetching them when asked to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from crosslight.config import unknown_name
from crosslight.errors import ConfigError, MissingDependencyError, ModelError
from crosslight.progress import silent
from crosslight.types import Progress


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """One file that can be fetched, and how large it is."""

    url: str
    megabytes: int


KNOWN = {
    "densenet169": WeightsFile(
        url="https://huggingface.co/timm/densenet169.tv_in1k/resolve/main/model.safetensors", megabytes=57
    ),
    "resnet50": WeightsFile(
        url="https://huggingface.co/timm/resnet50.tv_in1k/resolve/main/model.safetensors", megabytes=102
    ),
    "resnet152": WeightsFile(
        url="https://huggingface.co/timm/resnet152.tv_in1k/resolve/main/model.safetensors", megabytes=241
    ),
}


def cache_folder() -> Path:
    """Return where fetched weights lie: $CROSSLIGHT_CACHE, or crosslight in the user's cache folder."""
    chosen = os.environ.get("CROSSLIGHT_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "crosslight"


def find_weights(name: str, given: str = "") -> Path:
    """Return the file of the weights called `name`: the one given, else the one fetched earlier.

    Raises
    ------
    ModelError
        If there is none; nothing is downloaded.
    """
    _require_known(name)
    path = Path(given) if given else cache_folder() / f"{name}.safetensors"
    if path.is_file():
        return path
    if given:
        raise ModelError(f"The weights {path} do not exist; give a safetensors file of {name}.")
    raise ModelError(
        f"The weights of {name} are not on this machine: run `crosslight fetch {name}` to download them "
        f"({KNOWN[name].megabytes} MB), or give a safetensors file of your own."
    )


def fetch_weights(name: str, progress: Progress = silent) -> Path:
    """Download the weights called `name` into the cache, unless they are there, and return the file.

    Raises
    ------
    MissingDependencyError
        If pooch is not installed.
    ModelError
        If the file cannot be downloaded.
    """
    _require_known(name)
    path = cache_folder() / f"{name}.safetensors"
    if path.is_file():
        return path
    try:
        import pooch
    except ImportError as error:
        raise MissingDependencyError(
            "Downloading needs pooch, which is not installed: pip install 'crosslight[weights]'."
        ) from error
    progress(0, 1, f"downloading {name} ({KNOWN[name].megabytes} MB)")
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(KNOWN[name].url, known_hash=None, fname=path.name, path=path.parent)
    except Exception as error:
        raise ModelError(
            f"The weights could not be downloaded from {KNOWN[name].url} ({type(error).__name__}); check the network, "
            f"or download that file elsewhere and put it at {path}."
        ) from error
    progress(1, 1, f"downloading {name}")
    return path


def _require_known(name: str) -> None:
    if name not in KNOWN:
        raise ConfigError(unknown_name("set of weights", name, KNOWN))
