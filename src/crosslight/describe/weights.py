"""ImageNet weights of known networks: where they are on this machine, and fetching them when asked to."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from crosslight.errors import ConfigError, MissingDependencyError, ModelError, unknown_name
from crosslight.progress import silent
from crosslight.types import Progress


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """One file that can be fetched, and about how large it is. Tests fetch from a server of their own."""

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
        f"({KNOWN[name].megabytes} MB), or `crosslight fetch {name} --from FILE` for a safetensors file of your own."
    )


def fetch_weights(name: str, source: Path | None = None, progress: Progress = silent) -> Path:
    """Put the weights called `name` into the cache and return the file there.

    They are downloaded unless they are there, or copied from `source`, a safetensors file of the same network. There
    is no checksum to compare with; that they are safetensors, which cannot run anything, is checked.

    Raises
    ------
    MissingDependencyError
        If pooch is not installed.
    ModelError
        If the file cannot be downloaded, or is no safetensors file.
    """
    _require_known(name)
    path = cache_folder() / f"{name}.safetensors"
    if path.is_file() and source is None:
        return path
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if source is None:
            _download(name, temporary, path, progress)
        else:
            _require_safetensors(source, "give a safetensors file")
            shutil.copyfile(source, temporary)
        _require_safetensors(temporary, f"what {KNOWN[name].url} sent is not the weights of {name}")
        temporary.replace(path)
    except OSError as error:
        raise ModelError(f"The weights cannot be put at {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _download(name: str, file: Path, path: Path, progress: Progress) -> None:
    try:
        import pooch
    except ImportError as error:
        raise MissingDependencyError(
            "Downloading needs pooch, which is not installed: pip install 'crosslight[weights]'."
        ) from error
    progress(0, 1, f"downloading {name} ({KNOWN[name].megabytes} MB)")
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(KNOWN[name].url, known_hash=None, fname=file.name, path=file.parent)
    except Exception as error:
        raise ModelError(
            f"The weights could not be downloaded from {KNOWN[name].url} ({type(error).__name__}); check the network, "
            f"or get a safetensors file of {name} elsewhere and give it: crosslight fetch {name} --from FILE."
        ) from error
    progress(1, 1, f"downloading {name}")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_safetensors(path: Path, otherwise: str) -> None:
    if not path.exists():
        raise ModelError(f"{path} does not exist: {otherwise}.")
    try:
        with safe_open(path, framework="numpy") as file:
            if len(list(file.keys())):
                return
        reason = "it holds nothing"
    except (OSError, SafetensorError) as error:
        reason = str(error)
    raise ModelError(f"{path} is not a safetensors file ({reason}): {otherwise}.")


def _require_known(name: str) -> None:
    if name not in KNOWN:
        raise ConfigError(unknown_name("set of weights", name, KNOWN))
