"""Choose how large images are shown to a fresh model, on pairs it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crosslight.pipeline.calibrate import Answered, ask_windows
from crosslight.progress import silent
from crosslight.represent.comir.model import ComirModel
from crosslight.rerank.confidence import SPREAD
from crosslight.types import Pair, Progress

WORTH = 0.03  # by which the mean surprise has to fall for finer cells, which are more work


def choose_cells(
    model: ComirModel, pairs: Sequence[Pair], cells_px: Sequence[int], *, progress: Progress = silent
) -> ComirModel:
    """Return the model with the cells by which turned windows of the pairs tell their images best.

    Parameters
    ----------
    pairs : sequence of Pair
        None the model was trained on; with fewer than two nothing is chosen.
    cells_px : sequence of int
        Sides to choose from, the cheapest first. Finer ones have to lower the mean surprise at the right image by
        `WORTH`; what each had goes into the record of the training.
    """
    if len(pairs) < 2 or len(cells_px) < 2:
        return model
    chosen, least, tried = model, np.inf, {}
    for cell_px in cells_px:
        shown = model.with_cells(cell_px)
        surprise = float(np.mean([_surprise(one) for one in ask_windows(shown, pairs, progress=progress)]))
        tried[str(cell_px)] = round(surprise, 4)
        if surprise < least - WORTH:
            chosen, least = shown, surprise
    return replace(chosen, training={**chosen.training, "surprise_by_cell_px": tried})


def _surprise(answered: Answered) -> float:
    """Return minus the logarithm of how likely the right image is, by the similarities of all."""
    similarities = np.array([place.similarity for _, place in answered.hits])
    if not len(similarities):
        return 0.0  # no image could hold it, whatever the cells
    right = next((place.similarity for name, place in answered.hits if name == answered.truth), -1.0)
    return float(np.logaddexp.reduce((similarities - right) / SPREAD))
