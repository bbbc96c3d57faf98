"""What an index keeps per image besides its vector: representation in 8 bits, thumbnail, facts, codes of its discs."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from crosslight.errors import IndexCorruptError, StoreUnavailableError
from crosslight.store.durable import describe_os_error, write_durably
from crosslight.types import Entry, Representation

CODES, THUMBNAIL, FACTS = ".npy", ".jpg", ".json"  # the order of writing: the facts make an image count
DISCS = ".discs"  # as .npy; written later, with the image's entry in the store
JPEG_QUALITY = 90


class Archive:
    """A folder with a few files per image. Their names are hashes, so that no image name ever becomes a path.

    An image is there when representation, thumbnail and facts are; a kill in the middle of `write` leaves it as if it
    had not begun.

    Parameters
    ----------
    folder : Path
        Made with the first image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, name: str) -> bool:
        """Tell whether the image was written completely."""
        return all(self._path(name, suffix).is_file() for suffix in (FACTS, CODES, THUMBNAIL))

    def write(self, name: str, representation: Representation, thumbnail_rgb: NDArray[np.uint8], entry: Entry) -> None:
        """Write or replace one image.

        Parameters
        ----------
        name : str
            What to find it by; any text.
        representation : Representation
            Stored as uint8 codes of shape (C, h, w).
        thumbnail_rgb : ndarray of shape (h, w, 3), uint8
            Stored as JPEG.
        entry : Entry
            Stored as JSON.

        Raises
        ------
        StoreUnavailableError
            If the disk is full or refuses; nothing half-written is left.
        """
        facts = {"name": name, "stride": representation.stride, "entry": asdict(entry)}
        _delete(self._path(name, FACTS))  # while its files change, the image is not there
        try:
            write_durably(self._path(name, CODES), encode_codes(representation.to_codes()))
            write_durably(self._path(name, THUMBNAIL), encode_thumbnail(thumbnail_rgb))
            write_durably(self._path(name, FACTS), json.dumps(facts).encode())
        except StoreUnavailableError:
            self.remove([name])
            raise

    def representation(self, name: str) -> Representation:
        """Return the representation; raises IndexCorruptError when it is missing or damaged."""
        return Representation.from_codes(self._codes(name), int(self._facts(name)["stride"]))

    def write_discs(self, name: str, codes: NDArray[np.int8]) -> None:
        """Write the codes of an image's discs, (rows, columns, P) int8; raises as `write` does."""
        write_durably(self._path(name, DISCS), encode_codes(codes))

    def discs(self, name: str) -> NDArray[np.int8]:
        """Return the codes of an image's discs; raises IndexCorruptError when they are missing or damaged."""
        try:
            codes: NDArray[np.int8] = np.load(self._path(name, DISCS), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name, error) from error
        if codes.dtype != np.int8 or codes.ndim != 3 or not codes.size:
            raise self._damaged(name, ValueError(f"its discs have dtype {codes.dtype} and shape {codes.shape}"))
        return codes

    def shape(self, name: str) -> tuple[int, int, int]:
        """Return the representation's (C, h, w) without reading its values."""
        n_channels, height, width = self._codes(name).shape
        return n_channels, height, width

    def entry(self, name: str) -> Entry:
        """Return the facts that were written with the image."""
        try:
            return Entry(**self._facts(name)["entry"])
        except TypeError as error:
            raise self._damaged(name, error) from error

    def thumbnail_path(self, name: str) -> Path:
        """Return the JPEG file of an image; raises IndexCorruptError when it is missing."""
        path = self._path(name, THUMBNAIL)
        if not path.is_file():
            raise self._damaged(name, FileNotFoundError("its thumbnail is missing"))
        return path

    def remove(self, names: Iterable[str]) -> None:
        """Delete images by name; those that are not there are passed over."""
        for name in names:
            for suffix in (FACTS, THUMBNAIL, CODES, DISCS):
                _delete(self._path(name, suffix))

    def prune(self, keep_names: Collection[str]) -> int:
        """Delete the files of all other images, and unfinished ones; return how many files that were."""
        keep = {_hash(name) for name in keep_names}
        orphans = [p for p in self._files() if p.stem not in keep or p.suffix not in (CODES, THUMBNAIL, FACTS, DISCS)]
        for path in orphans:
            _delete(path)
        return len(orphans)

    def size_bytes(self) -> int:
        """Return what all files take."""
        return sum(path.stat().st_size for path in self._files())

    def _path(self, name: str, suffix: str) -> Path:
        digest = _hash(name)
        return self._folder / digest[:2] / f"{digest}{suffix}"

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if path.is_file())

    def _codes(self, name: str) -> NDArray[np.uint8]:
        """Return the codes, shape (C, h, w), mapped from the file."""
        try:
            codes: NDArray[np.uint8] = np.load(self._path(name, CODES), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self._damaged(name, error) from error
        if codes.dtype != np.uint8 or codes.ndim != 3:
            raise self._damaged(name, ValueError(f"it has dtype {codes.dtype} and shape {codes.shape}"))
        return codes

    def _facts(self, name: str) -> dict[str, Any]:
        try:
            facts = json.loads(self._path(name, FACTS).read_text(encoding="utf-8"))
            if facts["name"] != name or not {"stride", "entry"} <= set(facts):
                raise ValueError("it belongs to another image")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise self._damaged(name, error) from error
        return dict(facts)

    def _damaged(self, name: str, error: Exception) -> IndexCorruptError:
        reason = "a file of it is missing" if isinstance(error, FileNotFoundError) else str(error)
        return IndexCorruptError(
            f"What {self._folder} keeps of image {name.rpartition('|')[0] or name!r} is damaged ({reason}); "
            "remove that image from the index and add it again."
        )


def _hash(name: str) -> str:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def encode_codes(codes: NDArray[np.uint8] | NDArray[np.int8]) -> bytes:
    """Return codes as the bytes of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, codes, allow_pickle=False)
    return buffer.getvalue()


def encode_thumbnail(rgb: NDArray[np.uint8]) -> bytes:
    """Return (h, w, 3) pixels as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(rgb)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailableError(describe_os_error(error, path)) from error
