"""The pictures that both modalities are brought into before they are compared: originals, CoMIR, translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosslight import registry
from crosslight.config import TRANSLATION_PRESETS, FitConfig, TranslationConfig, preset
from crosslight.errors import ConfigError, InputError
from crosslight.evaluate.cells import hash_inputs
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.methods import COMMON, TRANSLATIONS
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.evaluate.sources import digest_training
from crosslight.pipeline.fit import fit_pairs
from crosslight.pipeline.models import open_model
from crosslight.represent.base import Representer
from crosslight.represent.checkpoint import has_checkpoint
from crosslight.represent.comir.device import choose_device
from crosslight.represent.record import is_finished, method_of, read_record
from crosslight.settings import to_dict
from crosslight.types import MODALITIES, Modality, Progress


@dataclass(frozen=True, eq=False, kw_only=True)
class Space:
    """How images of either modality get into one kind of picture.

    `name` is as in `Cell.space`; `is_plain` says that the representations are ordinary pictures, to be shown as such;
    `means_tell` is as in `Model`.
    """

    name: str
    representers: Mapping[Modality, Representer]
    is_plain: bool = False
    means_tell: bool = True


class Source:
    """Makes the spaces of one representation for one fold, when they are needed.

    `inputs` says what they depend on, without making them: finished cells are recognised before anything is trained.
    `colour` keeps the channels of the originals, for describers that read colour.
    """

    def __init__(
        self, representation: str, fold: Fold, config: EvaluateConfig, out: Path, model: Path | None = None,
        *, colour: bool = False,
    ) -> None:  # fmt: skip
        self.representation, self.fold, self.config, self.model = representation, fold, config, model
        self.colour = colour
        self.inputs = self._inputs()
        self.folder = out / "models" / f"{representation}-{hash_inputs(self.inputs)}"

    @property
    def trains(self) -> bool:
        """Whether networks have to be trained for it, unless that was done before."""
        return self.representation != "originals" and self.model is None

    def _inputs(self) -> dict[str, Any]:
        if self.representation == "originals":
            return {"kind": "originals", **({"colour": True} if self.colour else {})}
        if self.model is not None:
            return {"kind": self.representation, "model": open_model(self.model).fingerprint}
        return {
            "kind": self.representation,
            "settings": to_dict(self._settings()),
            "budget": [self.config.steps, self.config.minutes],
            "seed": self.config.seed,
            "fold": self.fold.name,
            "pairs": self.fold.signatures("train"),
            "source": digest_training(),
        }

    def _settings(self) -> FitConfig | TranslationConfig:
        """Return how the networks are shaped and trained: as in the papers, or small."""
        if self.representation == "comir":
            return preset(self.config.preset)
        small = "" if self.config.preset == "paper" else "-small"
        return TRANSLATION_PRESETS[self.representation + small]

    def build(self, progress: Progress) -> list[Space]:
        """Return the spaces, trained now if they are not there yet.

        Raises
        ------
        CrosslightError
            If something is missing: training pairs, an optional package, a device.
        """
        if self.representation == "originals":
            originals = registry.load("representer", COMMON["originals"])(colour=self.colour)
            return [_make_space("", originals, is_plain=True)]
        if self.model is None and not is_finished(self.folder):
            self._train(progress)
        model = open_model(self.model or self.folder, choose_device(self.config.device))
        if self.representation in TRANSLATIONS:
            return [_make_space(target, model.with_target(target), is_plain=True) for target in MODALITIES]
        return [_make_space("", model)]

    def _train(self, progress: Progress) -> None:
        pairs = self.fold.pairs("train")
        if not len(pairs):
            raise InputError(
                f"{self.representation} has no pair to train on; mark some as train in the split, or give --model."
            )

        def report(done: float, total: float, label: str) -> None:
            progress(done, total, f"training {self.representation}: {label.partition(': ')[2]}")

        fit_pairs(
            pairs, self.folder, config=self._settings(), steps=self.config.steps, minutes=self.config.minutes,
            device=self.config.device, seed=self.config.seed, resume=has_checkpoint(self.folder / "checkpoint"),
            progress=report,
        )  # fmt: skip


def sort_models(folders: Sequence[Path]) -> dict[str, Path]:
    """Return model folders by the representation that they make; raises ConfigError for two of one kind."""
    sorted_by_kind: dict[str, Path] = {}
    for folder in folders:
        kind = method_of(read_record(folder))
        if kind in sorted_by_kind:
            raise ConfigError(f"{sorted_by_kind[kind]} and {folder} are both {kind} models; give one of each kind.")
        sorted_by_kind[kind] = folder
    return sorted_by_kind


def _make_space(name: str, model: Any, *, is_plain: bool = False) -> Space:
    both: dict[Modality, Representer] = {m: model.representer(m) for m in MODALITIES}
    return Space(name=name, representers=both, is_plain=is_plain, means_tell=model.means_tell)
