"""A few arrays in one file with a record: what was learnt from a repository, and how to tell that it is still that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from crosslight.errors import IndexCorruptError, IndexMismatchError

Arrays = Mapping[str, NDArray[Any]]


def hash_arrays(arrays: Arrays) -> str:
    """Return a hash of arrays in their order."""
    digest = hashlib.blake2b(digest_size=12)
    for array in map(np.ascontiguousarray, arrays.values()):
        digest.update(str(array.shape).encode() + array.tobytes())
    return digest.hexdigest()


def save_arrays(path: Path, arrays: Arrays, version: int, **record: int) -> None:
    """Write one safetensors file in one step, so that a kill leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    told = {"format_version": version, "fingerprint": hash_arrays(arrays), **record}
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, temporary, {"crosslight": json.dumps(told)})
    temporary.replace(path)


def load_arrays(path: Path, names: Sequence[str], version: int, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of these names and the record that `save_arrays` wrote.

    Raises
    ------
    IndexCorruptError
        If the file is missing or damaged.
    IndexMismatchError
        If it has another format version; `what` says of what.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            record = json.loads(file.metadata()["crosslight"])
            if record["format_version"] != version:
                raise IndexMismatchError(
                    f"{path} has {what} format {record['format_version']}, this Crosslight reads {version}; "
                    "update Crosslight, or build the index again."
                )
            arrays = {name: file.get_tensor(name) for name in names}
        if record["fingerprint"] != hash_arrays(arrays):
            raise ValueError("its content has changed")
    except IndexMismatchError:
        raise
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise IndexCorruptError(f"{path} cannot be read ({error}); build the index again.") from error
    return arrays, record
