"""Index: an opened index folder, which can be added to and searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from crosslight.config import INDEX_PRESETS, IndexConfig
from crosslight.errors import IndexCorruptError, InputError
from crosslight.pipeline import build
from crosslight.pipeline.answers import IndexAnswers
from crosslight.pipeline.distribute import gather_team
from crosslight.pipeline.manifest import Manifest
from crosslight.pipeline.metadata import Value, read_metadata
from crosslight.pipeline.models import open_model
from crosslight.pipeline.prepare import prepare_folder
from crosslight.pipeline.slide_build import remove_slides
from crosslight.pipeline.stores import EMBEDDED, check_address, drop_embedded, move_store, open_store
from crosslight.pipeline.unusable import Tell, Unusable
from crosslight.progress import silent
from crosslight.read.image import list_images
from crosslight.registry import load
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.model import ComirModel
from crosslight.represent.record import FILE as MODEL_FILE
from crosslight.store.base import Store
from crosslight.store.lock import note_change, write_lock
from crosslight.types import Modality, Progress

if TYPE_CHECKING:
    from distributed import Client


class Index(IndexAnswers):
    """An opened index folder. Use it as a context manager, or call `close`.

    The folder holds index.json, a copy of the model, the vocabulary, the store, and per image a representation and a
    thumbnail; it can be moved as a whole.
    """

    def __init__(self, folder: Path, manifest: Manifest, model: ComirModel, store: Store) -> None:
        super().__init__(folder, manifest, model, store)
        self.last_change = ""

    @classmethod
    def build(
        cls,
        images: Path | str | Sequence[Path | str],
        model: Path | str,
        *,
        modality: Modality,
        out: Path | str,
        config: IndexConfig | None = None,
        describer: str | None = None,
        metadata: Path | None = None,
        store: str | None = None,
        workers: int | None = None,
        scheduler: str | Client | None = None,
        mpp: float | None = None,
        background: str | None = None,
        device: str = "auto",
        on_skipped: Tell | None = None,
        progress: Progress = silent,
    ) -> Index:
        """Make images of one modality searchable, or go on with a stopped run, and return the opened index.

        `describer` names another way to describe than the settings', such as "sift".
        `store` is the address of a Qdrant server that is to keep the vectors; by default they are in the folder.
        `workers` is how many processes of this machine share the work; `scheduler` is a Dask cluster that does it,
        by its address or as a `distributed.Client`.
        `mpp` are the images' micrometres per pixel, instead of what their files say; `background` is "skip" or "keep":
        whether the glass of large images is left out, which is the default. `on_skipped`: see `add`.

        Raises
        ------
        InputError
            For unusable images, naming the file.
        IndexMismatchError
            If `out` is an index of another model, modality or other settings.
        """
        folder = Path(out)
        trained = open_model(model, choose_device(device))
        settings = config or INDEX_PRESETS.get(trained.preset, IndexConfig())
        if describer is not None:
            settings = replace(settings, describe=replace(settings.describe, name=describer))
            load("describer", describer)(settings.describe)  # says at once what is missing
        if background is not None:
            settings = replace(settings, slides=replace(settings.slides, background=background))
        wanted = Manifest(
            model=trained.fingerprint,
            modality=modality,
            config=settings,
            stride=trained.representer(modality).stride,
        )
        paths = list_images(images)
        columns = None if metadata is None else read_metadata(metadata)
        manifest = prepare_folder(folder, wanted, Path(model), store)
        index = cls(folder, manifest, trained, open_store(folder, manifest, create=True))
        try:
            index.add(
                {p.stem: p for p in paths}, metadata=columns, mpp=mpp, workers=workers, scheduler=scheduler,
                on_skipped=on_skipped, progress=progress,
            )  # fmt: skip
        except BaseException:
            index.close()
            raise
        return index

    @classmethod
    def open(
        cls, folder: Path | str, *, model: Path | str | None = None, store: str | None = None, device: str = "auto"
    ) -> Index:
        """Open an index folder with the model it carries.

        `store` says where its vectors are, if not where they were when it was built.

        Raises
        ------
        IndexMismatchError
            If `model` is given and is not the one the index was made by.
        IndexCorruptError, ModelError, StoreUnavailableError
            If something in the folder is damaged, or another process has it open.
        """
        path = Path(folder)
        manifest = Manifest.load(path)
        processor = choose_device(device)
        if model is not None:
            manifest.require_model(open_model(model).fingerprint, path)
        if not (path / "model" / MODEL_FILE).exists():
            raise IndexCorruptError(
                f"{path} has lost its model; copy it to {path / 'model'}, or build the index again."
            )
        own = open_model(path / "model", processor)
        manifest.require_model(own.fingerprint, path)
        opened = open_store(path, manifest, store)
        return cls(path, replace(manifest, store=check_address(store) or manifest.store), own, opened)

    def add(
        self,
        images: Path | str | Sequence[Path | str] | Mapping[str, Path],
        *,
        metadata: Path | Mapping[str, Mapping[str, Value]] | None = None,
        mpp: float | None = None,
        workers: int | None = None,
        scheduler: str | Client | None = None,
        on_skipped: Tell | None = None,
        try_again: bool = True,
        progress: Progress = silent,
    ) -> int:
        """Add images, replace those whose files changed, skip the rest; return how many were written.

        Parameters
        ----------
        images : Path, sequence of Path, or mapping from name to Path
            Files and folders, whose images are named by their stems; or files under names of their own.
        metadata : Path or mapping, optional
            A CSV with a column `name`, or columns and values by image name; without it, images that are there keep
            what they have.
        mpp, workers, scheduler
            See `build`.
        on_skipped : callable, optional
            Called with the file of each image that cannot be used, and the InputError that says why; the others are
            indexed. By default the first such error is raised.
        try_again : bool
            Whether these are listed in `skipped.csv`, to be mended and added again. Without it that file stays as it
            is: for files that will be gone.
        progress : callable
            See `crosslight.progress`.

        `last_change` says in words what was done.
        """
        files = dict(images) if isinstance(images, Mapping) else {p.stem: p for p in list_images(images)}
        columns = metadata if metadata is None or isinstance(metadata, Mapping) else read_metadata(metadata)
        batch, device = self.manifest.config.batch, str(self.device)
        with write_lock(self.folder), gather_team(workers, scheduler, batch=batch, device=device) as team:
            result = build.add_images(self, files, columns, mpp, team, Unusable(on_skipped, again=try_again), progress)
        self.last_change = str(result)
        return result.n_written

    def remove(self, names: Sequence[str]) -> int:
        """Remove images by name and return how many were there; unknown names raise InputError and change nothing."""
        known = self.store.find(names)
        missing = [n for n in names if n not in known]
        if missing:
            stem = Path(missing[0]).stem
            hint = (
                f"it is called {stem!r} there"
                if stem != missing[0] and self.store.find([stem])
                else f"`crosslight info {self.folder} --names` lists what is"
            )
            raise InputError(f"{missing[0]!r} is not in {self.folder}; {hint}.")
        with write_lock(self.folder), note_change(self.folder) as was_stopped:
            n_removed = int(self.store.remove(names))
            remove_slides(self, [e for e in known.values() if e.kind == "slide"])
            self.archive.remove([build.archive_key(e) for e in known.values() if e.kind == "image"])
            if was_stopped:
                build.prune_archives(self)
        return n_removed

    def move(self, store: str, *, progress: Progress = silent) -> int:
        """Carry the vectors to a Qdrant server, or back with "embedded", and return how many images that were.

        A stopped move goes on when it is asked for again; until all is there the index stays as it was.
        """
        with write_lock(self.folder):
            windows = self.open_windows() if self.slides() else None
            self.manifest = move_store(self.folder, self.manifest, self.store, windows, store, progress)
            self.store.close()
            self.close_windows()
            if self.manifest.store != EMBEDDED:
                drop_embedded(self.folder)
            self.store = open_store(self.folder, self.manifest)
        return self.count()

    def info(self) -> dict[str, str | int]:
        """Return what `crosslight info` prints."""
        return {
            "folder": str(self.folder),
            "images": self.count(),
            **({"slides": len(self.slides()), "windows": self.open_windows().count()} if self.slides() else {}),
            "modality": self.manifest.modality,
            "model": self.manifest.model,
            "preset": self.model.preset,
            "words": self.n_words,
            "stride": self.manifest.stride,
            "store": self.manifest.store,
            **({"collection": self.manifest.collection} if self.manifest.store != EMBEDDED else {}),
            "bytes": sum(f.stat().st_blocks * 512 for f in self.folder.rglob("*") if f.is_file()),  # some are sparse
            "format": self.manifest.format_version,
            "crosslight": self.manifest.crosslight,
        }

    def close(self) -> None:
        """Flush and release the store and the images that were opened."""
        self.close_sources()
        self.close_windows()
        self.store.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
