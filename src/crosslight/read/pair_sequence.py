"""Pairs that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import overload

from crosslight.errors import InputError, say_count
from crosslight.read.image import read_image
from crosslight.read.kept import Kept
from crosslight.types import Image, Pair


class PairReader:
    """Reads pairs by name, checks them, and keeps those read last in memory. Threads may share it.

    Parameters
    ----------
    files : mapping of str to (Path, Path)
        The two files (A, B) by pair name.
    cache_bytes : int
        The most that pixels may take in memory; the pair read last stays even if it is larger.
    """

    def __init__(self, files: Mapping[str, tuple[Path, Path]], cache_bytes: int) -> None:
        self._files = files
        self._kept: Kept[Pair] = Kept(cache_bytes, lambda pair: pair.a.pixels.nbytes + pair.b.pixels.nbytes)
        self._n_channels: dict[int, tuple[int, Path]] = {}  # by side, of the first image read

    def read(self, name: str) -> Pair:
        """Return one pair; raises InputError as `PairSequence` says."""
        return self._kept.get(name, partial(self._read, name))

    def _read(self, name: str) -> Pair:
        paths = self._files[name]
        pair = Pair(name=name, a=read_image(paths[0]), b=read_image(paths[1]))
        _check_sizes(pair, paths)
        a, b = (self._in_channels(side, image, paths[side]) for side, image in enumerate((pair.a, pair.b)))
        return Pair(name=name, a=a, b=b)

    def _in_channels(self, side: int, image: Image, path: Path) -> Image:
        n_channels, first = self._n_channels.setdefault(side, (image.n_channels, path))
        same = image.in_channels(n_channels)
        if same is None:
            raise InputError(
                f"{path} has {say_count(image.n_channels, 'channel')} but {first} has {n_channels}; all images of one "
                "kind need the same number. Convert the one that differs, or leave its pair out."
            )
        return same


class PairSequence(Sequence[Pair]):
    """Pairs in the order of `names`, read on access.

    Access raises InputError when an image cannot be used, when the two images differ in height or width, or when one
    has another number of channels than the first that was read of its kind.
    """

    def __init__(self, names: Sequence[str], reader: PairReader) -> None:
        self.names = list(names)
        self._reader = reader

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> PairSequence: ...
    def __getitem__(self, index: int | slice) -> Pair | PairSequence:
        if isinstance(index, slice):
            return PairSequence(self.names[index], self._reader)
        return self._reader.read(self.names[index])


def _check_sizes(pair: Pair, paths: tuple[Path, Path]) -> None:
    a, b = pair.a, pair.b
    if (a.height_px, a.width_px) != (b.height_px, b.width_px):
        raise InputError(
            f"{paths[0]} is {a.width_px} x {a.height_px} px but {paths[1]} is {b.width_px} x {b.height_px} px; the two "
            "images of a pair must be aligned and equal in size. Crop or resample one of them, or leave the pair out."
        )
