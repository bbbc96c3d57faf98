"""index.json: what an index folder was made with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from crosslight import __version__
from crosslight.config import IndexConfig
from crosslight.errors import IndexCorruptError, IndexMismatchError
from crosslight.settings import from_dict
from crosslight.types import Modality

FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The contents of index.json.

    `vocabulary` is the fingerprint of the finished vocabulary, empty while the first images are being represented.
    `discs` is that of the disc codes learnt with it, empty where there are none.
    `store` is "embedded" or a server's address, `collection` what the index is called there.
    """

    model: str
    modality: Modality
    config: IndexConfig
    stride: int
    vocabulary: str = ""
    discs: str = ""
    store: str = "embedded"
    collection: str = ""
    crosslight: str = __version__
    format_version: int = FORMAT_VERSION

    def save(self, folder: Path) -> None:
        """Write index.json in one step."""
        temporary = folder / "index.json.new"
        temporary.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        temporary.replace(folder / "index.json")

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read index.json; raises IndexCorruptError or, for a newer format, IndexMismatchError."""
        try:
            record = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            version = record["format_version"]
        except (FileNotFoundError, NotADirectoryError) as error:
            why = (
                "it has no index.json" if folder.is_dir() else "it is a file" if folder.exists() else "there is nothing"
            )
            raise IndexCorruptError(f"{folder} is not an index: {why}; make one with `crosslight index`.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexCorruptError(f"{folder}/index.json cannot be read ({error}); build the index again.") from error
        if version != FORMAT_VERSION:
            raise IndexMismatchError(
                f"{folder} has index format {version}, this Crosslight reads {FORMAT_VERSION}; "
                "update Crosslight, or build the index again."
            )
        return from_dict(cls, record)

    def require_model(self, fingerprint: str, folder: Path) -> None:
        """Raise IndexMismatchError unless the index was made by the model with this fingerprint."""
        if fingerprint != self.model:
            raise IndexMismatchError(
                f"{folder} was made by model {self.model}, but the model given is {fingerprint}; "
                "use the model it was made with, or build a new index with --out elsewhere."
            )

    def with_vocabulary(self, fingerprint: str, discs: str) -> Manifest:
        """Return the manifest of the finished vocabulary and disc codes."""
        return replace(self, vocabulary=fingerprint, discs=discs)
