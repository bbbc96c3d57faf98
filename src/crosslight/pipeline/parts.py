"""IndexParts: what turns images into entries and vectors, without the store: every worker has its own."""

from __future__ import annotations

from pathlib import Path

from crosslight.describe.base import Describer
from crosslight.encode.disc_codes import DiscCodes
from crosslight.encode.vocabulary import Vocabulary
from crosslight.errors import IndexCorruptError
from crosslight.pipeline.manifest import Manifest
from crosslight.pipeline.models import open_model
from crosslight.registry import load
from crosslight.represent.comir.device import choose_device
from crosslight.represent.comir.model import ComirModel
from crosslight.store.archive import Archive
from crosslight.store.pyramid import PyramidArchive


class IndexParts:
    """The model, the archives, the describer, the vocabulary and the disc codes of one index folder.

    `disc_codes` is None before the first image, where an index began with slides, and in those of earlier versions.
    """

    def __init__(self, folder: Path, manifest: Manifest, model: ComirModel) -> None:
        self.folder, self.manifest, self.model = folder, manifest, model
        self.device = model.representer(manifest.modality).device
        self.archive = Archive(folder / "images")
        self.pyramids = PyramidArchive(folder / "slides")
        self.describer: Describer = load("describer", manifest.config.describe.name)(manifest.config.describe)
        self.vocabulary = self._load_vocabulary()
        self.disc_codes = self._load_disc_codes()

    @classmethod
    def of_folder(cls, folder: Path, device: str = "auto") -> IndexParts:
        """Read the parts of an index that was begun; raises as `Index.open` does."""
        manifest = Manifest.load(folder)
        model = open_model(folder / "model", choose_device(device))
        manifest.require_model(model.fingerprint, folder)
        return IndexParts(folder, manifest, model)

    def _load_vocabulary(self) -> Vocabulary | None:
        if not self.manifest.vocabulary:
            return None
        vocabulary = Vocabulary.load(self.folder / "vocabulary")
        if vocabulary.fingerprint != self.manifest.vocabulary:
            raise IndexCorruptError(
                f"The vocabulary of {self.folder} is not the one it was built with; build it again."
            )
        return vocabulary

    def _load_disc_codes(self) -> DiscCodes | None:
        if not self.manifest.discs:
            return None
        codes = DiscCodes.load(self.folder)
        if codes.fingerprint != self.manifest.discs:
            raise IndexCorruptError(f"The disc codes of {self.folder} are not those it was built with; build it again.")
        return codes
