"""The representation of a large image in 8 bits: tiles, at several resolutions, one small file each.

A tile is there when its file is: files are written under another name and renamed. So a stopped run goes on with the
tiles that are missing, empty tiles take no space, and a region touches only the tiles under it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosslight.errors import IndexCorruptError, StoreUnavailableError
from crosslight.store.archive import encode_codes, encode_thumbnail
from crosslight.store.durable import describe_os_error, write_durably
from crosslight.types import Entry, Float32, Representation

FACTS, THUMBNAIL, FINISHED = "facts.json", "thumbnail.jpg", "finished"
MAX_MAPPED = 64  # tiles kept mapped into memory
MIDDLE = 128  # the code next to zero, where a coarse tile lies over an empty one


@dataclass(frozen=True, kw_only=True)
class PyramidShape:
    """How a large representation is laid out.

    Attributes
    ----------
    n_channels, height, width : int
        Of the finest level, in cells.
    stride : int
        Image pixels per cell of the finest level; level k has `stride` * 2^k.
    tile : int
        Cells on a side of a tile.
    n_levels : int
        The coarsest level fits into one tile.
    empty : tuple of (row, column)
        Tiles of the finest level that show background and are not stored.
    """

    n_channels: int
    height: int
    width: int
    stride: int
    tile: int
    n_levels: int
    empty: tuple[tuple[int, int], ...] = ()

    @cached_property
    def empty_tiles(self) -> frozenset[tuple[int, int]]:
        """The tiles of `empty`, to look one up."""
        return frozenset(self.empty)

    def size(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a level in cells."""
        return -(-self.height // 2**level), -(-self.width // 2**level)

    def grid(self, level: int) -> tuple[int, int]:
        """Return (rows, columns) of tiles of a level."""
        height, width = self.size(level)
        return -(-height // self.tile), -(-width // self.tile)


def count_levels(height: int, width: int, tile: int) -> int:
    """Return how many levels there are until one fits into one tile."""
    n = 1
    while max(height, width) > tile * 2 ** (n - 1):
        n += 1
    return n


class PyramidArchive:
    """A folder with one sub-folder per large image; their names are hashes.

    Parameters
    ----------
    folder : Path
        Made with the first image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shapes: dict[str, PyramidShape] = {}
        self._mapped: OrderedDict[Path, NDArray[np.uint8]] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: str, shape: PyramidShape, thumbnail_rgb: NDArray[np.uint8], entry: Entry) -> None:
        """Write what is known before the first tile, or go on where the same was begun."""
        if self._read_facts(name, missing_ok=True) == _facts(name, shape, entry):
            return
        self.remove([name])
        write_durably(self._path(name, THUMBNAIL), encode_thumbnail(thumbnail_rgb))
        write_durably(self._path(name, FACTS), json.dumps(_facts(name, shape, entry)).encode())

    def has(self, name: str, level: int, row: int, column: int) -> bool:
        """Tell whether a tile is written."""
        return self._tile(name, level, row, column).is_file()

    def write(self, name: str, level: int, row: int, column: int, codes: NDArray[np.uint8]) -> None:
        """Write or replace one tile of codes (C, h, w), smaller than others only at the ends.

        Raises
        ------
        StoreUnavailableError
            If the disk is full or refuses; the tile is then not there.
        """
        path = self._tile(name, level, row, column)
        with self._lock:
            self._mapped.pop(path, None)
        write_durably(path, encode_codes(codes))

    def finish(self, name: str) -> None:
        """Say that all tiles are written."""
        write_durably(self._path(name, FINISHED), b"")

    def is_finished(self, name: str) -> bool:
        """Tell whether all tiles are written."""
        return self._path(name, FINISHED).is_file() and self._path(name, FACTS).is_file()

    def shape(self, name: str) -> PyramidShape:
        """Return how an image is laid out; raises IndexCorruptError when it is missing or damaged."""
        if name not in self._shapes:
            facts = self._read_facts(name)
            try:
                layout = {**facts["shape"], "empty": tuple((r, c) for r, c in facts["shape"]["empty"])}
                self._shapes[name] = PyramidShape(**layout)
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(name, error) from error
        return self._shapes[name]

    def entry(self, name: str) -> Entry:
        """Return the facts that were written with the image."""
        try:
            return Entry(**self._read_facts(name)["entry"])
        except (KeyError, TypeError) as error:
            raise self._damaged(name, error) from error

    def thumbnail_path(self, name: str) -> Path:
        """Return the JPEG file of an image; raises IndexCorruptError when it is missing."""
        path = self._path(name, THUMBNAIL)
        if not path.is_file():
            raise self._damaged(name, FileNotFoundError())
        return path

    def region(self, name: str, level: int, top: int, left: int, rows: int, cols: int) -> Representation:
        """Return a part of a level; where nothing is stored, and outside, it is zero.

        Parameters
        ----------
        name : str
            Of the image.
        level : int
            0 is the finest.
        top, left, rows, cols : int
            In cells of that level; any place.
        """
        shape = self.shape(name)
        values: Float32 = np.zeros((shape.n_channels, rows, cols), np.float32)
        height, width = shape.size(level)
        t = shape.tile
        y0, x0, y1, x1 = max(0, top), max(0, left), min(height, top + rows), min(width, left + cols)
        for r in range(y0 // t, -(-y1 // t) if y1 > y0 else 0):
            for c in range(x0 // t, -(-x1 // t) if x1 > x0 else 0):
                with self._lock:
                    codes = self._codes(name, shape, level, r, c)
                if codes is None:
                    continue
                ya, xa, yb, xb = max(y0, r * t), max(x0, c * t), min(y1, (r + 1) * t), min(x1, (c + 1) * t)
                part = Representation.from_codes(codes[:, ya - r * t : yb - r * t, xa - c * t : xb - c * t], 1)
                values[:, ya - top : yb - top, xa - left : xb - left] = part.values
        return Representation(values=values, stride=shape.stride * 2**level)

    def build_level(self, name: str, level: int) -> None:
        """Write the missing tiles of a level above 0 by averaging two by two cells of the one below."""
        shape = self.shape(name)
        t = shape.tile
        for r, c in np.ndindex(*shape.grid(level)):
            below = [(2 * r + i, 2 * c + j) for i in (0, 1) for j in (0, 1)]
            if self.has(name, level, r, c) or not any(self._stored(name, shape, level - 1, *tile) for tile in below):
                continue
            height, width = shape.size(level - 1)
            rows, cols = min(2 * t, height - 2 * r * t), min(2 * t, width - 2 * c * t)
            values = self.region(name, level - 1, 2 * r * t, 2 * c * t, rows, cols).values
            values = np.pad(values, ((0, 0), (0, rows % 2), (0, cols % 2)), mode="edge")
            halved = values[:, 0::2] + values[:, 1::2]
            pooled = (halved[:, :, 0::2] + halved[:, :, 1::2]) * np.float32(0.25)
            self.write(name, level, r, c, Representation(values=pooled, stride=1).to_codes())

    def remove(self, names: Collection[str]) -> None:
        """Delete images by name; those that are not there are passed over."""
        for name in names:
            self._shapes.pop(name, None)
            self._forget(self._home(name))
            _delete_folder(self._home(name))

    def prune(self, keep_names: Collection[str]) -> int:
        """Delete all other images, finished or not; return how many that were."""
        keep = {self._home(name) for name in keep_names}
        orphans = [home for home in self._homes() if home not in keep]
        for home in orphans:
            self._forget(home)
            _delete_folder(home)
        self._shapes.clear()
        return len(orphans)

    def size_bytes(self) -> int:
        """Return what all files take."""
        return sum(path.stat().st_size for home in self._homes() for path in home.rglob("*") if path.is_file())

    def _stored(self, name: str, shape: PyramidShape, level: int, row: int, column: int) -> bool:
        """Tell whether a tile has something to store: it exists, and is not over empty tiles only."""
        rows, columns = shape.grid(level)
        if row >= rows or column >= columns:
            return False
        return (row, column) not in shape.empty_tiles if level == 0 else self.has(name, level, row, column)

    def _codes(self, name: str, shape: PyramidShape, level: int, row: int, column: int) -> NDArray[np.uint8] | None:
        """Return a tile's codes, mapped from its file, or None where there is nothing to store."""
        path = self._tile(name, level, row, column)
        if path in self._mapped:
            self._mapped.move_to_end(path)
            return self._mapped[path]
        try:
            codes: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            if level > 0 or (row, column) in shape.empty_tiles:
                return None
            raise self._damaged(name, error) from error
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name, error) from error
        height, width = shape.size(level)
        wanted = (shape.n_channels, *(min(shape.tile, n - i * shape.tile) for n, i in ((height, row), (width, column))))
        if codes.dtype != np.uint8 or codes.shape != wanted:
            raise self._damaged(name, ValueError(f"a tile has dtype {codes.dtype} and shape {codes.shape}"))
        self._mapped[path] = codes
        while len(self._mapped) > MAX_MAPPED:
            self._mapped.popitem(last=False)
        return codes

    def _forget(self, home: Path) -> None:
        with self._lock:
            for path in [p for p in self._mapped if home in p.parents]:
                del self._mapped[path]

    def _home(self, name: str) -> Path:
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return self._folder / digest[:2] / digest

    def _homes(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if path.is_dir())

    def _path(self, name: str, file: str) -> Path:
        return self._home(name) / file

    def _tile(self, name: str, level: int, row: int, column: int) -> Path:
        return self._home(name) / f"{level}" / f"{row}" / f"{column}.npy"

    def _read_facts(self, name: str, *, missing_ok: bool = False) -> dict[str, Any]:
        try:
            facts = json.loads(self._path(name, FACTS).read_text(encoding="utf-8"))
            if facts["name"] != name:
                raise ValueError("it belongs to another image")
        except (OSError, ValueError, TypeError, KeyError) as error:
            if missing_ok:
                return {}
            raise self._damaged(name, error) from error
        return dict(facts)

    def _damaged(self, name: str, error: Exception) -> IndexCorruptError:
        reason = "a file of it is missing" if isinstance(error, FileNotFoundError) else str(error)
        return IndexCorruptError(
            f"What {self._folder} keeps of image {name.rpartition('|')[0] or name!r} is damaged ({reason}); "
            "remove that image from the index and add it again."
        )


def _facts(name: str, shape: PyramidShape, entry: Entry) -> dict[str, Any]:
    """Return the facts as JSON gives them back."""
    facts: dict[str, Any] = json.loads(json.dumps({"name": name, "shape": asdict(shape), "entry": asdict(entry)}))
    return facts


def _delete_folder(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreUnavailableError(describe_os_error(error, path)) from error
