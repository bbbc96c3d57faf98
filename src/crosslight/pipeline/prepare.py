"""The folder of an index: made, or checked to belong to the same model, settings and store."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from crosslight.errors import IndexMismatchError, InputError, StoreUnavailableError, say_cause
from crosslight.pipeline.manifest import Manifest
from crosslight.pipeline.stores import EMBEDDED, check_address, name_collection


def prepare_folder(folder: Path, wanted: Manifest, model: Path, store: str | None) -> Manifest:
    """Make a new index folder, or check that the one that is there belongs to the same model, settings and store."""
    address = check_address(store)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give the name of a folder that can be made there.")
    dropped = (folder / "index.json").exists() and _drop_unstarted(folder, wanted, address)
    if (folder / "index.json").exists():
        there = Manifest.load(folder)
        there.require_model(wanted.model, folder)
        if there.modality != wanted.modality or there.config != wanted.config:
            raise IndexMismatchError(
                f"{folder} was built for modality {there.modality} with settings of its own; use the same --modality "
                "and settings to go on with it, or another --out."
            )
        if address not in (None, there.store):
            raise IndexMismatchError(
                f"The vectors of {folder} are at {there.store}; `crosslight move {folder} --store {address}` carries "
                "them elsewhere."
            )
        return there
    if folder.exists() and any(folder.iterdir()) and not (dropped or (folder / "model").exists()):
        raise InputError(f"{folder} is not empty and is not an index; choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(model, folder / "model", dirs_exist_ok=True, ignore=shutil.ignore_patterns("checkpoint*"))
    except OSError as error:
        raise StoreUnavailableError(
            f"{folder} cannot be written ({say_cause(error)}); choose another --out."
        ) from error
    elsewhere = address not in (None, EMBEDDED)
    manifest = replace(wanted, store=address or EMBEDDED, collection=name_collection(folder) if elsewhere else "")
    manifest.save(folder)
    return manifest


def _drop_unstarted(folder: Path, wanted: Manifest, address: str | None) -> bool:
    """Delete an index that was stopped before its vocabulary, where it is now asked for otherwise; tell whether so."""
    there = Manifest.load(folder)
    same = replace(there, crosslight=wanted.crosslight, store="", collection="") == replace(wanted, store="")
    if there.vocabulary or (same and address in (None, there.store)) or there.store != EMBEDDED:
        return False
    for name in ("images", "slides", "store", "windows", "model"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "index.json").unlink()
    return True
