"""IndexImages: the images of an opened index in its stores, looked up by name and read from their files."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from crosslight.errors import InputError
from crosslight.pipeline import build
from crosslight.pipeline.manifest import Manifest
from crosslight.pipeline.parts import IndexParts
from crosslight.pipeline.shortlist import DiscShelf
from crosslight.pipeline.slide_views import whole_image
from crosslight.pipeline.stores import open_windows
from crosslight.read.image import read_image
from crosslight.read.large import open_any
from crosslight.read.source import Level, SlideSource
from crosslight.represent.comir.model import ComirModel
from crosslight.store.base import Store, Where
from crosslight.types import Entry, Image

MAX_SOURCES = 8  # images kept open for `region`
MAX_WHOLE_PX = 2**27  # of a large image that `image` still reads whole


class IndexImages(IndexParts):
    """The parts of an index with its stores: what is known of each image, and its pixels."""

    def __init__(self, folder: Path, manifest: Manifest, model: ComirModel, store: Store) -> None:
        super().__init__(folder, manifest, model)
        self.store = store
        self._sources: dict[str, SlideSource] = {}
        self._opening = Lock()
        self._windows: Store | None = None
        self.disc_shelf = DiscShelf(self.archive.discs)

    def entry(self, name: str) -> Entry:
        """Return what is known of one image; raises InputError when it is not in the index."""
        found = self.store.find([name])
        if name not in found:
            raise InputError(f"{name!r} is not in {self.folder}.")
        return found[name]

    def entries(self) -> list[Entry]:
        """Return what is known of every image, sorted by name."""
        return list(self.store.entries())

    def slides(self, where: Where | None = None) -> list[Entry]:
        """Return the large images, those that match `where` if it is given."""
        if not (self.folder / "slides").is_dir():
            return []
        return [e for e in self.store.entries(where) if e.kind == "slide"]

    def count(self) -> int:
        """Return the number of images."""
        return int(self.store.count())

    @property
    def n_words(self) -> int:
        """Number of visual words, 0 before the first image."""
        return 0 if self.vocabulary is None else len(self.vocabulary.words)

    def image(self, name: str) -> Image:
        """Read a repository image at full resolution; raises InputError when its file has moved or is too large."""
        entry = self.entry(name)
        if not Path(entry.path).exists():
            raise InputError(
                f"The image {name!r} is no longer at {entry.path}; put it back, or say where it is now with "
                f"`crosslight add {self.folder} FOLDER`."
            )
        return (
            whole_image(self.source(name), name, MAX_WHOLE_PX)
            if entry.kind == "slide"
            else read_image(Path(entry.path))
        )

    def thumbnail_path(self, name: str) -> Path:
        """Return the JPEG file with a small picture of a repository image."""
        entry = self.entry(name)
        archive = self.pyramids if entry.kind == "slide" else self.archive
        return archive.thumbnail_path(build.archive_key(entry))

    def levels(self, name: str) -> list[Level]:
        """Return the resolutions of a repository image, finest first: their sizes and pixel sizes."""
        return list(self.source(name).levels)

    def region(self, name: str, level: int, top: int, left: int, rows: int, cols: int) -> NDArray[Any]:
        """Return (rows, cols, C) pixels of a repository image, read from its file.

        Parameters
        ----------
        name : str
            Of the image.
        level : int
            One of `levels`; 0 is the finest.
        top, left, rows, cols : int
            The region in pixels of that level, wholly inside it.

        Raises
        ------
        InputError
            If the name is unknown, the file has moved, or the region leaves the image.
        """
        return self.source(name).read_region(level, top, left, rows, cols)

    def source(self, name: str) -> SlideSource:
        """Return a repository image for reading in regions; it stays open, and the index closes it."""
        with self._opening:
            if name not in self._sources:
                entry = self.entry(name)
                while len(self._sources) >= MAX_SOURCES:
                    self._sources.pop(next(iter(self._sources))).close()
                self._sources[name] = open_any(entry.path, mpp=entry.mpp)
            return self._sources[name]

    def open_windows(self, *, create: bool = False) -> Store:
        """Return the store of the windows of large images, opened once."""
        if self._windows is None:
            self._windows = open_windows(self.folder, self.manifest, create=create)
        return self._windows

    def close_windows(self) -> None:
        """Close the store of the windows of large images, if it was opened."""
        if self._windows is not None:
            self._windows.close()
            self._windows = None

    def close_sources(self) -> None:
        """Close the images that were opened."""
        for source in self._sources.values():
            source.close()
        self._sources.clear()
