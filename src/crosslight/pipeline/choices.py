"""Choose, on pairs that a fresh model was not trained on, how it shows large images and by what discs are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crosslight.config import AlignConfig
from crosslight.describe.discs import describe_discs
from crosslight.encode.disc_codes import compare_discs
from crosslight.pipeline.calibrate import MAX_TURN_DEG, Answered, Windows, ask_windows, cut_windows
from crosslight.pipeline.shortlist import learn_axes, turn_discs
from crosslight.progress import silent
from crosslight.represent.comir.model import ComirModel
from crosslight.rerank.confidence import SPREAD
from crosslight.types import MODALITIES, Float32, Float64, Pair, Progress

WORTH = 0.03  # by which the mean surprise has to fall for finer cells, which are more work
MEANS_WORTH = 0.05  # by which it has to fall for discs without means: they tell in most modalities
DISC_SPREADS = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2)  # of similarities: the one that surprises least counts


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


def choose_means(model: ComirModel, pairs: Sequence[Pair], *, progress: Progress = silent) -> ComirModel:
    """Return the model whose discs are found by the means of channels too, or not, whichever surprises less.

    Taken out they have to lower the mean surprise at the right image by `MEANS_WORTH`; what either had goes into the
    record of the training. With fewer than two `pairs`, none of which the model was trained on, nothing is chosen.
    """
    if len(pairs) < 2:
        return model
    rows: dict[bool, list[Float64]] = {True: [], False: []}
    for done, windows in enumerate(cut_windows(model, pairs)):
        searched = model.representer(windows.searched)
        discs = [describe_discs(searched.represent(image)) for image in windows.images.values()]
        for means_tell, found in rows.items():
            found += _find_discs(windows, discs, means_tell=means_tell)
        progress(done + 1, len(MODALITIES), "choosing")
    surprise = {
        means_tell: min(float(np.mean([np.logaddexp.reduce(row / s) for row in found])) for s in DISC_SPREADS)
        for means_tell, found in rows.items()
    }
    tried = {"with": round(surprise[True], 4), "without": round(surprise[False], 4)}
    return replace(
        model,
        means_tell=surprise[False] >= surprise[True] - MEANS_WORTH,
        training={**model.training, "surprise_by_means": tried},
    )


def _find_discs(windows: Windows, discs: Sequence[Float32], *, means_tell: bool) -> list[Float64]:
    """Return, for each window, by how much each image's `discs` resemble it more than the right image's do."""
    codes = learn_axes(discs, means_tell=means_tell)
    stored, names = [codes.encode(some) for some in discs], list(windows.images)
    rows = []
    for truth, query in zip(windows.truths, windows.queries, strict=True):
        turned = turn_discs(query, codes, AlignConfig(rotation_deg=MAX_TURN_DEG))
        similarities = np.max([compare_discs(*one, stored) for one in turned], axis=0).astype(np.float64)
        rows.append(similarities - similarities[names.index(truth)])
    return rows
