"""The folder of the embedded engine: making, opening, and what its complaints mean."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import qdrant_edge as qdrant

from crosslight.errors import CrosslightError, IndexCorruptError, StoreUnavailableError
from crosslight.store.durable import UNFINISHED, describe_os_error, sync_folder
from crosslight.store.lock import write_lock
from crosslight.store.points import KEY_CONDITIONS, VECTOR

RESERVE_BYTES = 64 * 2**20  # the engine grows its files in steps of 32 MB and two may be growing
BYTES_PER_WEIGHT = 64  # written for one weight at most; 14 stay
POLL_S = 0.1


def open_shard(folder: Path, *, wait_s: float) -> qdrant.EdgeShard:
    """Open the shard in `folder`, making it where there is none, and waiting for another process to close it."""
    path = folder / "shard"
    if not path.exists():
        _make_shard(folder, path)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with guard(folder):
                return qdrant.EdgeShard.load(str(path))
        except StoreUnavailableError as error:
            if not _is_in_use(error.__cause__) or time.monotonic() >= deadline:
                raise
        time.sleep(POLL_S)


def _make_shard(folder: Path, path: Path) -> None:
    """Make an empty shard under another name and rename it, so that a kill leaves none or a whole one."""
    with write_lock(folder):
        if path.exists():  # another process was faster
            return
        require_space(folder, n_weights=0)
        unfinished = path.with_name(path.name + UNFINISHED)
        with guard(folder):
            shutil.rmtree(unfinished, ignore_errors=True)
            config = qdrant.EdgeConfig(sparse_vectors={VECTOR: qdrant.EdgeSparseVectorParams()}, wal_enabled=True)
            shard = qdrant.EdgeShard.create(str(unfinished), config)
            shard.update(qdrant.UpdateOperation.create_field_index(KEY_CONDITIONS, qdrant.PayloadSchemaType.Keyword))
            shard.flush()
            shard.close()
            unfinished.rename(path)
            sync_folder(folder)


def require_space(folder: Path, *, n_weights: int) -> None:
    """Raise StoreUnavailableError unless the disk has room for `n_weights` more.

    The engine maps its files into memory, so on a full disk the system ends the process without an error to catch.
    """
    needed = RESERVE_BYTES + n_weights * BYTES_PER_WEIGHT
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StoreUnavailableError(
            f"The disk of {folder} is nearly full: {free // 2**20} MB are free and the store needs "
            f"{-(-needed // 2**20)} MB; free some space, then run the same command again."
        )


@contextmanager
def guard(folder: Path) -> Iterator[None]:
    """Turn the engine's errors within the block into one sentence each."""
    try:
        yield
    except (CrosslightError, TypeError, ValueError):  # ours, or our mistake
        raise
    except OSError as error:
        raise StoreUnavailableError(describe_os_error(error, folder)) from error
    except BaseException as error:
        # The engine raises plain Exception, and its panics derive from BaseException only.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        raise _explain(error, folder) from error


def _is_in_use(error: BaseException | None) -> bool:
    return "WouldBlock" in str(error)


def _explain(error: BaseException, folder: Path) -> CrosslightError:
    text = (str(error).splitlines() or [""])[0]
    if _is_in_use(error):
        return StoreUnavailableError(
            f"The index at {folder} is open in another process, which only one can have at a time; "
            "wait until that command has finished, or stop it."
        )
    if any(sign in text for sign in ("os error 28", "No space left", "StorageFull")):
        return StoreUnavailableError(f"The disk of {folder} is full; free some space, then run the same command again.")
    if any(sign in text for sign in ("os error 13", "os error 30", "PermissionDenied", "Permission denied")):
        return StoreUnavailableError(
            f"{folder} cannot be opened: no permission to write there, which searching needs as well; "
            "make it writable or copy the index elsewhere."
        )
    if "not initialized" in text:
        return StoreUnavailableError(f"The store at {folder} was closed; open the index again.")
    return IndexCorruptError(
        f"The store {folder} is damaged ({text[:200]}); delete that folder and run the same `crosslight index` again, "
        "which keeps the representations."
    )
