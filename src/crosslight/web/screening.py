"""Uploads that are no plain image are refused: unsafe names, other formats, and files that are two things at once.

Nothing that is uploaded is ever sent out again as it came (pictures are drawn anew from pixels), so this is a second
wall, not the first.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from crosslight.errors import InputError, UnreadableImageError

STARTS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"BM": "bmp",
    b"RIFF": "webp",
}
# Long enough that compressed pixels do not hold them by chance: less than once in a thousand files of a gigabyte.
FOREIGN = re.compile(
    rb"<script|<\?php\s|<iframe|<svg[^<>]{0,500}xmlns|<!doctype|%PDF-1|\x7fELF\x02\x01\x01|#!/bin/", re.IGNORECASE
)
ZIP_END, ZIP_TAIL_BYTES = b"PK\x05\x06", 2**16 + 22
UNSAFE_NAME = re.compile(r"[/\\:\x00-\x1f\x7f]|^\.|\.\.|^~")
MAX_NAME = 200
Bytes = bytes | mmap.mmap


def check_name(name: str | None) -> str:
    """Return the name of an uploaded image: its file name without the suffix.

    It is shown to people and never becomes part of a path. Raises InputError for one that looks like a path.
    """
    if not name or not name.strip():
        raise InputError("The upload has no file name; give it one.")
    if UNSAFE_NAME.search(name) or not name.isprintable():
        raise InputError("The file name holds a path or control characters; rename the file to plain letters.")
    stem = name.rsplit(".", 1)[0].strip() if "." in name else name.strip()
    if not stem or len(stem) > MAX_NAME:
        raise InputError(f"The file name is empty or longer than {MAX_NAME} characters; rename the file.")
    return stem


def check_content(path: Path) -> None:
    """Raise unless the file starts as a known image, ends where that image ends, and holds nothing else.

    Raises
    ------
    UnreadableImageError
        If it is no PNG, JPEG, TIFF, BMP or WebP.
    InputError
        If it is something else besides, or goes on after the image.
    """
    if path.stat().st_size == 0:
        raise UnreadableImageError("The file is empty (0 bytes); copy or export it again.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _check_bytes(data)


def _check_bytes(data: Bytes) -> None:
    start = data[:8]
    kind = next((kind for begin, kind in STARTS.items() if start.startswith(begin)), None)
    if kind is None or (kind == "webp" and data[8:12] != b"WEBP"):
        raise UnreadableImageError("The file is not PNG, JPEG, TIFF, BMP or WebP; save it as one of these.")
    if FOREIGN.search(data) or ZIP_END in data[-ZIP_TAIL_BYTES:]:
        raise InputError("The file is an image and something else at once; save the image anew and upload that.")
    end = {"png": _png_end, "jpeg": _jpeg_end, "bmp": _bmp_end, "webp": _webp_end}.get(kind, len)(data)
    if data[end:].strip(b"\0\r\n "):
        raise InputError("The file goes on after its image ends; save the image anew and upload that.")


def _png_end(data: Bytes) -> int:
    position = 8
    while position + 12 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        position += 12 + size
        if kind == b"IEND":
            break
    return position


def _jpeg_end(data: Bytes) -> int:
    """Return where the last picture of a JPEG ends; a camera's MPO holds several."""
    return data.rfind(b"\xff\xd9") + 2 or len(data)


def _bmp_end(data: Bytes) -> int:
    return max(int.from_bytes(data[2:6], "little"), 54)


def _webp_end(data: Bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little") + (data[4] & 1)
