"""Writing a file so that a kill or a power cut leaves the old or the new one, never a half."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from crosslight.errors import StoreUnavailableError

UNFINISHED = ".new"  # ends the names of files that are being written


def write_durably(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step, making its folder where needed.

    Raises
    ------
    StoreUnavailableError
        If the disk is full or refuses; the file is then what it was before.
    """
    temporary = path.with_name(path.name + UNFINISHED)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreUnavailableError(describe_os_error(error, path)) from error


def sync_folder(folder: Path) -> None:
    """Make renames within `folder` survive a power cut, where the system lets a folder be opened."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def describe_os_error(error: OSError, path: Path) -> str:
    """Return one sentence for a refused write, with the next step."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path} cannot be written: the disk is full; free some space, then run the same command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path} cannot be written: no permission; make its folder writable or choose another one."
    return f"{path} cannot be written ({error.strerror or error}); check the disk, then run the same command again."
