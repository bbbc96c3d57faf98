"""The pictures that both modalities are brought into before they are compared: originals, CoMIR, translations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosslight import registry
from crosslight.config import preset, to_dict
from crosslight.errors import InputError
from crosslight.evaluate.cells import hash_inputs
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.methods import COMMON
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.represent.base import Representer
from crosslight.types import Modality, Progress


@dataclass(frozen=True, eq=False, kw_only=True)
class Space:
    """How images of either modality get into one kind of picture.

    `name` is as in `Cell.space`; `is_plain` says that the representations are ordinary pictures, to be shown as such.
    """

    name: str
    representers: Mapping[Modality, Representer]
    is_plain: bool = False


class Source:
    """Makes the spaces of one representation for one fold, when they are needed.

    `inputs` says what they depend on, without making them: finished cells are recognised before anything is trained.
    """

    def __init__(
        self, representation: str, fold: Fold, config: EvaluateConfig, out: Path, model: Path | None = None
    ) -> None:
        self.representation, self.fold, self.config, self.model = representation, fold, config, model
        self.inputs = self._inputs()
        self.folder = out / "models" / f"{representation}-{hash_inputs(self.inputs)}"

    def _inputs(self) -> dict[str, Any]:
        if self.representation == "originals":
            return {"kind": "originals"}
        if self.representation == "comir" and self.model is not None:
            return {"kind": "comir", "model": registry.load("representer", "comir").load(self.model).fingerprint}
        return {
            "kind": self.representation,
            "settings": to_dict(preset(self.config.preset)) if self.representation == "comir" else "",
            "budget": [self.config.steps, self.config.minutes],
            "seed": self.config.seed,
            "fold": self.fold.name,
            "pairs": self.fold.signatures("train"),
        }

    def build(self, progress: Progress) -> list[Space]:
        """Return the spaces, trained now if they are not there yet.

        Raises
        ------
        CrosslightError
            If something is missing: training pairs, weights, an optional package, the method itself.
        """
        if self.representation == "originals":
            model = registry.load("representer", COMMON["originals"])()
            both: dict[Modality, Representer] = {"A": model.representer("A"), "B": model.representer("B")}
            return [Space(name="", representers=both, is_plain=True)]
        if self.representation == "comir":
            return [self._comir(progress)]
        raise InputError(f"{self.representation} cannot be trained here yet.")

    def _comir(self, progress: Progress) -> Space:
        from crosslight.pipeline.fit import fit_pairs
        from crosslight.represent.comir.device import choose_device

        comir = registry.load("representer", "comir")
        folder = self.model or self.folder
        device = choose_device(self.config.device)
        if self.model is None and not _is_finished(folder, comir):
            self._require_pairs()
            fit_pairs(
                self.fold.pairs("train"), folder, config=preset(self.config.preset), steps=self.config.steps,
                minutes=self.config.minutes, device=self.config.device, seed=self.config.seed,
                resume=(folder / "checkpoint").exists() or (folder / "checkpoint.old").exists(),
                progress=progress,
            )  # fmt: skip
        model = comir.load(folder, device)
        return Space(name="", representers={"A": model.representer("A"), "B": model.representer("B")})

    def _require_pairs(self) -> None:
        if not self.fold.parts["train"]:
            raise InputError(
                f"{self.representation} has no pair to train on; mark some as train in the split, or give --model."
            )


def _is_finished(folder: Path, kind: Any) -> bool:
    return (folder / "model.json").exists() and bool(kind.load(folder).training.get("finished"))
