"""How well networks tell places apart: the loss they are trained by, on pairs they have not seen.

    places.py A_DIR B_DIR --split split.csv [--part val] MODEL MODEL ...

Crops of the pairs, without changes of tone, in batches of 24 as in training: a window of each is looked for at every
place of all crops of the other kind. Printed are for each model the loss without its penalty at the temperature that
suits the model best (how strongly similarities differ says nothing of how well they tell places apart), its standard
error over batches, and the share of windows found. All models see the same crops. It takes seconds where searches take
minutes, and separates models that a hundred searches do not. It does not replace them: a search has a thousand times
as many wrong places, and looks a second time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from crosslight.config import preset
from crosslight.read.pairs import find_pairs
from crosslight.represent.comir.augment import sample_batch
from crosslight.represent.comir.infer import run_batch
from crosslight.represent.comir.loss import search_loss
from crosslight.represent.comir.model import ComirModel
from crosslight.represent.comir.moves import draw_free_moves, in_cells
from crosslight.types import MODALITIES, Pair

TEMPERATURES = tuple(float(t) for t in np.geomspace(0.01, 0.14, 11))


@torch.inference_mode()
def measure(model: ComirModel, pairs: Sequence[Pair], batches: int, seed: int) -> tuple[float, float, float, float]:
    """Return the loss at the best temperature, its standard error, the share found and that temperature."""
    config = preset("default")
    reach_px, size = config.augment.shift_cells * model.network.stride, config.augment.crop_px
    representers = [model.representer(modality) for modality in MODALITIES]
    intensities = (representers[0].intensity, representers[1].intensity)
    losses, found = [], []
    for batch in range(batches):
        rng = np.random.default_rng([seed, batch])
        moves = draw_free_moves(config.optimizer.n_pairs, size, reach_px, rng)
        crops = sample_batch(pairs, moves, intensities, config.augment, rng)
        a, b = (run_batch(r.network, r.intensity, x, r.device) for r, x in zip(representers, crops, strict=True))
        there = in_cells(moves, model.network.stride)
        each = [search_loss(a, b, there, config.loss.window, t) for t in TEMPERATURES]
        losses.append([float(loss) for loss, _ in each])
        found.append(each[0][1])
    values = np.array(losses)
    best = int(values.mean(axis=0).argmin())
    error = float(values[:, best].std(ddof=1) / np.sqrt(batches))
    return float(values[:, best].mean()), error, float(np.mean(found)), TEMPERATURES[best]


def main() -> None:
    """Print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a_dir", type=Path)
    parser.add_argument("b_dir", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--part", default="val", help="train, val or test; choose settings on val alone")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    pairs = find_pairs(a.a_dir, a.b_dir, split=a.split).part(a.part)
    print("| model | loss | found, % | temperature |\n| --- | --- | --- | --- |")
    for path in a.models:
        loss, error, found, temperature = measure(ComirModel.load(path), pairs, a.batches, a.seed)
        print(f"| {path.name} | {loss:.3f} +- {error:.3f} | {100 * found:.0f} | {temperature:.3f} |", flush=True)


if __name__ == "__main__":
    main()
