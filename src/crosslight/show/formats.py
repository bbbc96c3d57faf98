"""The kinds of picture that can be written."""

from __future__ import annotations

from pathlib import Path

from crosslight.errors import InputError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}


def check_picture(path: Path) -> str:
    """Return the format that a picture's name asks for; raises InputError for an unknown one."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"A picture cannot be written to {path}: use a name ending in {', '.join(sorted(FORMATS))}.")
    return kind
