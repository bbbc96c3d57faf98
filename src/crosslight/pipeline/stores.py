"""Which store an index uses: the one in its folder, or a collection on a Qdrant server; and moving between them."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from crosslight.errors import ConfigError, IndexCorruptError, StoreUnavailableError
from crosslight.pipeline.manifest import Manifest
from crosslight.registry import load
from crosslight.store.base import Store
from crosslight.types import Progress

EMBEDDED = "embedded"
API_KEY_VARIABLE = "QDRANT_API_KEY"
WINDOWS_SUFFIX = "-windows"


def check_address(address: str | None) -> str | None:
    """Return a store's address as it is kept; raises ConfigError unless it is "embedded", a URL or None."""
    if address in (None, EMBEDDED):
        return address
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ConfigError(
            f"--store is {address!r}; give the address of a Qdrant server, such as http://localhost:6333 (its API key "
            f"goes into the environment variable {API_KEY_VARIABLE}), or {EMBEDDED!r}."
        )
    return address.rstrip("/")


def name_collection(folder: Path) -> str:
    """Return a name for an index's collection: the folder's, and a part that no other index has."""
    slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:40]
    return "-".join(part for part in ("crosslight", slug, uuid.uuid4().hex[:12]) if part)


def open_store(folder: Path, manifest: Manifest, address: str | None = None, *, create: bool = False) -> Store:
    """Open the store of an index, at `address` instead of where the index says it is, if one is given.

    Raises
    ------
    StoreUnavailableError
        If it is open in another process, or no server answers.
    IndexCorruptError
        If it is damaged; or is not there and `create` is not set.
    """
    return _open(folder / "store", manifest, manifest.collection, address, create=create)


def open_windows(folder: Path, manifest: Manifest, address: str | None = None, *, create: bool = False) -> Store:
    """Open the store that keeps the windows of large images, beside the one of the images; raises the same."""
    collection = manifest.collection and manifest.collection + WINDOWS_SUFFIX
    return _open(folder / "windows", manifest, collection, address, create=create)


def _open(path: Path, manifest: Manifest, collection: str, address: str | None, *, create: bool) -> Store:
    folder = path.parent
    place = check_address(address) or manifest.store
    if place == EMBEDDED:
        if manifest.store != EMBEDDED and not create and not path.is_dir():
            raise IndexCorruptError(f"{folder} has no embedded store; its vectors are at {manifest.store}.")
        store: Store = load("store", "edge")(path)
        return store
    if not collection:
        raise IndexCorruptError(
            f"{folder} has never been on a server; `crosslight move {folder} --store {place}` carries it there."
        )
    key = os.environ.get(API_KEY_VARIABLE)
    store = load("store", "qdrant")(place, collection, api_key=key, create=create)
    return store


def move_store(
    folder: Path, manifest: Manifest, source: Store, windows: Store | None, address: str, progress: Progress
) -> Manifest:
    """Carry all images of `source`, and the windows of large ones, to another store; return the new manifest.

    What is at the target already is not sent again, so that a stopped move goes on. The index uses the source until
    everything is at the target. The embedded store is then deleted; a collection on a server is left there.

    Raises
    ------
    StoreUnavailableError
        If the target refuses, or does not hold as many images as were sent.
    """
    place = check_address(address) or EMBEDDED
    if place == manifest.store:
        return manifest
    if not manifest.collection:
        manifest = replace(manifest, collection=name_collection(folder))
        manifest.save(folder)  # before anything is sent, so that the next run finds it
    if windows is not None:
        _carry(windows, open_windows(folder, manifest, place, create=True), place, progress)
    _carry(source, open_store(folder, manifest, place, create=True), place, progress)
    moved = replace(manifest, store=place)
    moved.save(folder)
    return moved


def drop_embedded(folder: Path) -> None:
    """Delete the embedded stores of an index whose vectors are on a server."""
    for name in ("store", "windows"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _carry(source: Store, target: Store, place: str, progress: Progress) -> None:
    """Copy everything, check that it arrived, and close the target."""
    try:
        _copy(source, target, progress)
        counts = source.count(), target.count()
        if counts[0] != counts[1]:
            raise StoreUnavailableError(
                f"{place} holds {counts[1]} of {counts[0]} images after the move; run the same command again."
            )
    finally:
        target.close()


def _copy(source: Store, target: Store, progress: Progress) -> None:
    done, total = 0, source.count()
    seen: set[str] = set()
    for entries, vectors, _ in source.contents():
        there = target.find([e.name for e in entries])
        missing = [(e, v) for e, v in zip(entries, vectors, strict=True) if there.get(e.name) != e]
        target.add([e for e, _ in missing], [v for _, v in missing])
        seen.update(e.name for e in entries)
        done += len(entries)
        progress(done, total, "moving")
    if target.count() > len(seen):  # left by an earlier move, and removed from the source since
        target.remove([e.name for e in target.entries() if e.name not in seen])
