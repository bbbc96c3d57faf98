"""One writer per index folder, and whether the last one came to its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crosslight.errors import StoreUnavailableError
from crosslight.store.durable import describe_os_error, write_durably

LOCK_NAME, CHANGING_NAME = ".writing", ".changing"


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the right to write to `folder` while the block runs; readers need no lock.

    The system releases the lock when the process ends, however it ends; the file that carries it stays.

    Raises
    ------
    StoreUnavailableError
        If another process, or another block of this one, is writing.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreUnavailableError(describe_os_error(error, path)) from error
    try:
        if not _try_lock(descriptor):
            raise StoreUnavailableError(
                f"Process {_read_owner(path)} is writing to {folder}; wait until it has finished, or stop it."
            )
        with suppress(OSError):  # who writes is only for the message to others
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def note_change(folder: Path) -> Iterator[bool]:
    """Note that `folder` is being changed until the block ends without an error.

    Yields whether an earlier change was stopped: then files may be left that nothing refers to.
    """
    path = folder / CHANGING_NAME
    was_stopped = path.exists()
    write_durably(path, b"")
    yield was_stopped
    with suppress(OSError):  # then the next change looks for what was left, at no harm
        path.unlink()


def _try_lock(descriptor: int) -> bool:
    """Take the lock of an open file unless someone has it; closing the file gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far behind the process id, which others want to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_owner(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace") or "(unknown)"
    except OSError:
        return "(unknown)"
