"""A model folder: model.json says what it is, files of safetensors beside it hold the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

from crosslight.errors import ConfigError, ModelError

FILE = "model.json"
DEFAULT_METHOD = "comir"  # its models came first and do not name it


def write_model(folder: Path, record: Mapping[str, Any], networks: Mapping[str, nn.Module] | None = None) -> None:
    """Write NAME.safetensors for each network and model.json last: a folder with model.json is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in (networks or {}).items():
        temporary = folder / f"{name}.safetensors.new"
        save_file({k: v.cpu().contiguous() for k, v in network.state_dict().items()}, temporary)
        temporary.replace(folder / f"{name}.safetensors")
    temporary = folder / f"{FILE}.new"
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(folder / FILE)


def read_record(folder: Path) -> dict[str, Any]:
    """Return model.json of any method and format; raises ModelError when it is missing or unreadable."""
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{folder} is not a model: it has no {FILE}; make one with `crosslight fit`.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / FILE} cannot be read ({error}); copy the model again.") from error
    if not isinstance(record, dict):
        raise damaged(folder, f"{FILE} is no object")
    return record


def read_record_of(folder: Path, method: str, version: int) -> dict[str, Any]:
    """Return model.json; raises ConfigError for another method's model, ModelError for another format."""
    record = read_record(folder)
    if (other := method_of(record)) != method:
        raise ConfigError(f"{folder} is a {other} model, not {method}; use the class of that name.")
    if (found := record.get("format_version")) is None:
        raise damaged(folder, "it has no format_version")
    if found != version:
        older = isinstance(found, int) and found < version
        remedy = "train it anew with `crosslight fit`" if older else "update Crosslight"
        raise ModelError(f"{folder} has model format {found}, this Crosslight reads {version}; {remedy}.")
    return record


def method_of(record: Mapping[str, Any]) -> str:
    """Return the registry's name of the class that reads the folder."""
    return str(record.get("method", DEFAULT_METHOD))


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds a model whose training has ended; raises ModelError for an unreadable one."""
    return (folder / FILE).exists() and bool(read_record(folder).get("training", {}).get("finished"))


def damaged(folder: Path, reason: object) -> ModelError:
    """Return the error for a folder whose files do not belong together."""
    return ModelError(f"The model in {folder} is damaged ({reason}); copy it again or train it anew.")


def hash_parts(parts: Iterable[object]) -> str:
    """Return a hash of settings (as JSON) and of networks (their weights by name), in the order given."""
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        if isinstance(part, nn.Module):
            for name, tensor in sorted(part.state_dict().items()):
                digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()
