"""The pixels of an index for a second look at the best places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crosslight.errors import InputError, say_count
from crosslight.read.image import image_signature, read_image
from crosslight.read.kept import Kept
from crosslight.represent.base import Model
from crosslight.rerank.second_look import SecondLook
from crosslight.types import Entry, Image, Modality

KEPT_BYTES = 2**28  # pixels kept from one query to the next


def look_again(model: Model, asked: Modality, searched: Modality, read: Callable[[str], Image]) -> SecondLook:
    """Return what looks again for queries of one modality at images of another, which `read` brings by name."""
    return SecondLook(
        represent_query=model.representer(asked).plain.represent,
        represent_there=model.representer(searched).plain.represent,
        read=read,
    )


def read_indexed(find: Callable[[str], Entry]) -> Callable[[str], Image]:
    """Return what reads images of an index by name, as they were when it was made, and keeps those read last.

    It raises InputError where a file is no longer there, or is another.
    """
    kept: Kept[Image] = Kept(KEPT_BYTES, lambda image: image.pixels.nbytes)
    return lambda name: kept.get(name, lambda: _read_unchanged(find(name)))


def _read_unchanged(entry: Entry) -> Image:
    require_unchanged(entry)
    return read_image(Path(entry.path))


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
