"""How many training pairs it takes: the share of windows found against the number of pairs.

    few_pairs.py A_DIR B_DIR --split split.csv [--counts 5,10,20,40,80] [--steps 300] [--out few-pairs.jpg]

A model is trained on the first pairs of the training part, for as many steps whatever their number; 0 pairs is the head
start alone. Windows of the validation images are then asked for as in `retrieval.py`, in both directions.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from retrieval import ask, repository

from crosslight.config import preset
from crosslight.pipeline.fit import fit_pairs
from crosslight.read.pairs import PairFolder, find_pairs
from crosslight.represent.comir.model import ComirModel
from crosslight.types import MODALITIES

KINDS = ("full", "any", "patch")


def train(folder: PairFolder, count: int, steps: int, seed: int) -> ComirModel:
    """Train on the first `count` pairs; none: the head start as it is."""
    pairs = folder.part("train")
    some = [pairs[i] for i in range(max(count, 1))]
    with tempfile.TemporaryDirectory() as out:
        model = fit_pairs(some, Path(out) / "m", config=preset("default"), steps=steps if count else 0, seed=seed)
    assert isinstance(model, ComirModel)
    return model


def measure(model: ComirModel, folder: PairFolder, folders: dict[str, Path], per_image: int) -> list[float]:
    """Return Acc@1 in percent per kind of query, over both directions."""
    ranks: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for asked, searched in (MODALITIES, MODALITIES[::-1]):
        images = repository(model, searched, folders[searched])
        for kind in KINDS:
            seeds = [(0, k) for k in range(per_image)]
            ranks[kind] += ask(model, images, folder.part("val"), asked, kind, seeds).ranks
    return [100 * float(np.mean(np.array(ranks[kind]) == 1)) for kind in KINDS]


def draw(counts: list[int], rows: list[list[float]], out: Path) -> None:
    """Draw one line per kind of query."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, kind in enumerate(KINDS):
        axes.plot(range(len(counts)), [row[number] for row in rows], marker="o", label=kind)
    axes.set(xlabel="training pairs", ylabel="right image first, %", ylim=(0, 102), xticks=range(len(counts)))
    axes.set_xticklabels([str(count) for count in counts])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, dpi=150)


def main() -> None:
    """Print one line per number of pairs, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a_dir", type=Path)
    parser.add_argument("b_dir", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--counts", default="0,5,10,20,40,80")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--per-image", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("few-pairs.jpg"))
    a = parser.parse_args()
    folder = find_pairs(a.a_dir, a.b_dir, split=a.split)
    counts = [n for n in map(int, a.counts.split(",")) if n <= len(folder.part("train"))]
    rows = []
    print("pairs " + " ".join(f"{kind:>6s}" for kind in KINDS))
    for count in counts:
        model = train(folder, count, a.steps, a.seed)
        rows.append(measure(model, folder, {"A": a.a_dir, "B": a.b_dir}, a.per_image))
        print(f"{count:5d} " + " ".join(f"{share:6.1f}" for share in rows[-1]), flush=True)
    draw(counts, rows, a.out)


if __name__ == "__main__":
    main()
