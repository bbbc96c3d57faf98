"""From an upload to pixels: counted, screened, decoded elsewhere, and kept under a name of our own."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from crosslight.errors import CrosslightError, InputError
from crosslight.types import Image, Representation
from crosslight.web.decoder import Decoder
from crosslight.web.problems import RequestError
from crosslight.web.screening import check_content, check_name
from crosslight.web.settings import MEBIBYTE, Limits

CHUNK_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class StoredQuery:
    """A decoded query on disk; `load` maps it, so that waiting queries take no memory."""

    file: Path
    name: str
    height_px: int
    width_px: int
    mpp: float | None

    def load(self) -> Image:
        """Return the pixels."""
        return Image(pixels=np.load(self.file, allow_pickle=False), name=self.name, mpp=self.mpp)

    def keep_representation(self, representation: Representation) -> None:
        """Write a representation of the query beside it, one for each stride."""
        np.save(
            self.file.with_suffix(f".codes{representation.stride}.npy"), representation.to_codes(), allow_pickle=False
        )

    def representation(self, stride: int) -> Representation:
        """Return the representation of this stride that was kept."""
        codes = np.load(self.file.with_suffix(f".codes{stride}.npy"), allow_pickle=False)
        return Representation.from_codes(codes, stride)

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        return sum(file.stat().st_size for file in self._files() if file.exists())

    def _files(self) -> list[Path]:
        return [self.file, *self.file.parent.glob(f"{self.file.stem}.codes*.npy")]

    def copy(self) -> StoredQuery:
        """Return the same query with a file of its own."""
        file = self.file.with_name(f"{secrets.token_hex(16)}.npy")
        shutil.copyfile(self.file, file)
        return replace(self, file=file)

    def drop(self) -> None:
        """Delete the files."""
        for file in self._files():
            file.unlink(missing_ok=True)


class Receiver:
    """Takes uploads into `folder`, within limits."""

    def __init__(self, folder: Path, decoder: Decoder, limits: Limits) -> None:
        self._folder, self._decoder, self._limits = folder, decoder, limits
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @contextmanager
    def turn(self, client: str) -> Iterator[None]:
        """Let a visitor's upload in; raises RequestError (429, 503) while too many are being decoded."""
        with self._lock:
            if self._busy[client] >= self._limits.n_decoding_each:
                raise RequestError(429, "Your last uploads are still being decoded; wait a moment.", retry_after_s=1)
            if self._busy.total() >= self._limits.n_decoding:
                raise RequestError(503, "Many uploads are being decoded; try again in a moment.", retry_after_s=2)
            self._busy[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[client] -= 1
                self._busy += Counter()  # forgets those who have none left

    def receive_query(self, stream: BinaryIO, file_name: str | None) -> StoredQuery:
        """Check and decode a query; the upload itself is not kept.

        Raises
        ------
        RequestError
            With status 413 for too many bytes.
        InputError
            For anything that is no plain image of a name and size that are allowed.
        """
        name = check_name(file_name)
        raw = self._folder / secrets.token_hex(16)
        out = raw.with_suffix(".npy")
        try:
            copy_limited(stream, raw, self._limits.query_bytes)
            height, width, _, mpp = self._check(raw, out, name, self._limits.query_pixels)
        except BaseException:
            out.unlink(missing_ok=True)
            raise
        finally:
            raw.unlink(missing_ok=True)
        return StoredQuery(file=out, name=name, height_px=height, width_px=width, mpp=mpp)

    def receive_image(self, stream: BinaryIO, file_name: str | None, folder: Path) -> tuple[str, Path]:
        """Check an image for the repository and keep its file in `folder`; return its name and its file."""
        name = check_name(file_name)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / secrets.token_hex(16)
        try:
            copy_limited(stream, path, self._limits.image_bytes)
            self._check(path, None, name, self._limits.image_pixels)
            kept = path.with_suffix(_suffix_of(path))
            path.rename(kept)
        except BaseException:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        return name, kept

    def _check(self, raw: Path, out: Path | None, name: str, max_pixels: int) -> tuple[int, int, int, float | None]:
        try:
            check_content(raw)
            shape, mpp = self._decoder.decode(raw, out, max_pixels=max_pixels, max_side_px=self._limits.side_px)
        except CrosslightError as error:
            raise InputError(str(error).replace(str(raw), repr(name))) from None
        height, width, n_channels = shape
        return height, width, n_channels, mpp


def copy_limited(stream: BinaryIO, path: Path, max_bytes: int) -> None:
    """Copy an upload to a file; raises RequestError (413) when it is larger than allowed."""
    n_bytes = 0
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK_BYTES):
            n_bytes += len(chunk)
            if n_bytes > max_bytes:
                raise RequestError(413, f"The file is larger than {max_bytes // MEBIBYTE} MiB; send a smaller one.")
            file.write(chunk)


def _suffix_of(path: Path) -> str:
    """Return the suffix that an image file should have by its content."""
    with path.open("rb") as file:
        start = file.read(4)
    kinds = {b"\x89PNG": ".png", b"RIFF": ".webp", b"\xff\xd8": ".jpg", b"BM": ".bmp"}
    return next((suffix for begin, suffix in kinds.items() if start.startswith(begin)), ".tif")
