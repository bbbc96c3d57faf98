"""The pixels of an index for a second look at the best places."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from crosslight.errors import InputError, say_count
from crosslight.read.image import image_signature, read_image
from crosslight.represent.base import Model
from crosslight.rerank.second_look import SecondLook
from crosslight.types import Entry, Image, Modality

KEPT_BYTES = 2**28  # pixels kept from one query to the next


def look_again(model: Model, asked: Modality, searched: Modality, read: Callable[[str], Image]) -> SecondLook:
    """Return what looks again for queries of one modality at images of another, which `read` brings by name."""
    return SecondLook(
        represent_query=model.representer(asked).represent, represent_there=model.representer(searched).represent,
        read=read,
    )  # fmt: skip


class IndexedPixels:
    """Reads the images of an index as they were when it was made, and keeps those read last."""

    def __init__(self, entry: Callable[[str], Entry], kept_bytes: int = KEPT_BYTES) -> None:
        self._entry, self._room = entry, kept_bytes
        self._kept: OrderedDict[str, Image] = OrderedDict()

    def read(self, name: str) -> Image:
        """Return one image; raises InputError where its file is no longer there, or is another."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        entry = self._entry(name)
        require_unchanged(entry)
        image = read_image(Path(entry.path))
        self._kept[name] = image
        self._room -= image.pixels.nbytes
        while self._room < 0 and len(self._kept) > 1:
            self._room += self._kept.popitem(last=False)[1].pixels.nbytes
        return image


def require_unchanged(entry: Entry) -> None:
    """Raise InputError unless the file of an image is what it was when it was indexed."""
    path = Path(entry.path)
    if not path.exists() or not entry.signature.startswith(image_signature(path)):
        raise InputError(f"{path} is no longer what was indexed; index it again with `crosslight add`.")


def tell_unread(look: SecondLook | None, of: Callable[[str], str] = str) -> str:
    """Return what to add to a note where images could not be read; `of` names the image that a candidate is of."""
    names = {of(name) for name in look.unread} if look else set()
    if not names:
        return ""
    return f"; no second look: {say_count(len(names), 'image')} moved or changed since the indexing"
