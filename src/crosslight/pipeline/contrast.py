"""fit by contrastive learning: pairs -> a CoMIR model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from crosslight.config import FitConfig
from crosslight.pipeline.calibrate import calibrate
from crosslight.pipeline.choices import choose_cells, choose_means
from crosslight.pipeline.recipe import N_DRAWN, Recipe, common_mpp, describe_training, mean_of_last, spread
from crosslight.represent.admission import Admission
from crosslight.represent.base import Model
from crosslight.represent.comir.ensemble import settle_axes
from crosslight.represent.comir.intensity import Intensity
from crosslight.represent.comir.model import ComirModel, ComirRepresenter, measure_scale
from crosslight.represent.comir.train import Training
from crosslight.show.preview import PreviewRow, draw_preview
from crosslight.types import MODALITIES, Modality, Pair, Progress

MIN_SIDE_PX = 128  # smaller images leave nothing to turn
N_MEASURED = 40  # training images looked at for the output scale
N_STEPS = 20  # whose mean loss is recorded


class ContrastRecipe(Recipe):
    """Two networks that bring both modalities into one representation."""

    config: FitConfig

    def n_steps(self, n_pairs: int) -> int:
        """Return the steps of the settings, however many pairs there are."""
        return self.config.optimizer.steps

    @property
    def min_side_px(self) -> int:
        """The same for all settings."""
        return MIN_SIDE_PX

    def start(self, intensities: tuple[Intensity, Intensity], device: torch.device, seed: int) -> Training:
        """Return both networks, with the head start where the settings say so."""
        return Training(intensities, self.config, device=device, seed=seed)

    def watch(self, training: Training, train: Sequence[Pair], val: Sequence[Pair], out: Path) -> None:
        """Look at nothing: the loss says enough."""

    def to_model(self, training: Training, train: Sequence[Pair]) -> ComirModel:
        """Measure the output scale on training images, and for ensembles the axes of their representation."""
        some = spread(train, N_MEASURED)
        cell_px = self.config.cells[0]
        intensities = dict(zip(MODALITIES, training.intensities, strict=True))
        settle_axes(list(training.networks.eval()), training.intensities, some, cell_px)
        representers: dict[Modality, ComirRepresenter] = {}
        for modality, network in zip(MODALITIES, training.networks, strict=True):
            images = [p.a if modality == "A" else p.b for p in some]
            scale = measure_scale(network, intensities[modality], images, training.device, cell_px)
            admission = Admission.of(modality, intensities)
            representers[modality] = ComirRepresenter(admission, network, scale, training.device, cell_px)
        ended = {name: mean_of_last(training, name, N_STEPS) for name in ("loss", "accuracy")}
        return ComirModel(
            preset=self.config.preset,
            network=replace(self.config.network, cell_px=cell_px),
            representers=representers,
            mpp=common_mpp(some),
            training={**describe_training(training, len(train)), **ended},
        )

    def finish(
        self, model: ComirModel, train: Sequence[Pair], val: Sequence[Pair], out: Path, progress: Progress
    ) -> ComirModel:
        """Let the validation pairs, if any, make the choices and calibrate the confidence; draw the preview."""
        if val:
            model = choose_cells(model, list(val), self.config.cells, progress=progress)
            model = choose_means(model, list(val), progress=progress)
            found = calibrate(model, list(val), picture=out / "calibration.png", progress=progress)
            model = replace(model, calibration=found)
        draw_pairs(model, val or train, out / "preview.png")
        return model


def draw_pairs(model: Model, pairs: Sequence[Pair], path: Path) -> None:
    """Write some pairs beside their representations."""
    rows = []
    for pair in spread(pairs, N_DRAWN):
        z_a, z_b = model.representer("A").represent(pair.a), model.representer("B").represent(pair.b)
        rows.append(PreviewRow(name=pair.name, a=pair.a, b=pair.b, representation_a=z_a, representation_b=z_b))
    draw_preview(rows, path)
