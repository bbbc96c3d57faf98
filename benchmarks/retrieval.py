"""How well a model finds windows of images it was not trained on, and how well it knows when it does.

    retrieval.py MODEL A_DIR B_DIR --split split.csv [--part val] [--sides BA] [--kinds full,patch,any]

Windows of the images of one part are asked for in all images of the other modality (those of the other parts distract):
    full   70 % of the short side, turned by up to 30 degrees
    patch  31 % of the short side (at least 112 px), turned by up to 30 degrees
    any    45 % of the short side (at least 112 px), turned by any angle
Each is asked twice: with its image in the repository, and without it. Printed are Acc@1/5/10, the median error of
place and angle where the image is right, seconds per query, the AUROC of the confidence (right answers against queries
without their image), its Brier score over all, and the share of right answers that are kept at 1 % false accepts.

Frames of a film may show one place several times; taking one out does not take the place out. `--same-place` names a
CSV of two columns, each row two images of one place: a query is then asked without all images of its place.

`--csv` keeps one line per query; `intervals.py` makes one table of several such files.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from crosslight.config import AlignConfig
from crosslight.geometry import cut_window, rotated_extent, wrap_angle
from crosslight.pipeline.looking import look_again
from crosslight.read.image import list_images, read_image
from crosslight.read.pairs import find_pairs
from crosslight.represent.comir.model import ComirModel
from crosslight.rerank.align import Aligner, Candidate, Query
from crosslight.rerank.confidence import Calibration, share_confidence
from crosslight.types import MODALITIES, Image, Modality, Pair, Placement, Representation

Repository = dict[str, tuple[Representation, Image]]
Places = Mapping[str, Collection[str]]  # other images that show the place of an image
COLUMNS = ("seed", "asked", "kind", "name", "rank", "error_px", "error_deg", "confidence", "without")
KINDS = {"full": (0.70, 0, 30.0), "patch": (0.31, 112, 30.0), "any": (0.45, 112, 180.0)}


@dataclass
class Outcome:
    """What came of one kind of query: one entry per query; errors are NaN where the image was wrong."""

    ranks: list[int] = field(default_factory=list)
    error_px: list[float] = field(default_factory=list)
    error_deg: list[float] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    confidence: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[str | float, ...]]:
        """Yield what became of each query, in the order of `COLUMNS` from "name" on."""
        columns = (self.names, self.ranks, self.error_px, self.error_deg, self.confidence, self.refused)
        yield from zip(*columns, strict=True)


def cut(image: Image, kind: str, rng: np.random.Generator) -> tuple[Image, Placement]:
    """Cut one turned square window that lies wholly inside the image."""
    share, least, turn = KINDS[kind]
    angle = float(rng.uniform(-turn, turn))
    short = min(image.height_px, image.width_px)
    grow = rotated_extent(1, 1, angle)[0]
    side = int(min(max(share * short, least), (short - 4) / grow))
    half = side * grow / 2 + 1
    center = (float(rng.uniform(half, image.width_px - half)), float(rng.uniform(half, image.height_px - half)))
    place = Placement(center_xy=center, angle_deg=angle, scale=1.0, similarity=1.0)
    return cut_window(image, place, side, side, image.name), place


def draw(pair: Pair, asked: Modality, kind: str, seed: tuple[int, int]) -> tuple[Image, Placement]:
    """Cut a window out of one side of a pair; it depends on nothing else."""
    rng = np.random.default_rng([*seed, zlib.crc32(f"{kind}/{asked}/{pair.name}".encode())])
    return cut(pair.a if asked == "A" else pair.b, kind, rng)


def represent(model: ComirModel, asked: Modality, window: Image) -> Query:
    """Return the window as a query."""
    values = model.representer(asked).represent(window)
    return Query(representation=values, height_px=window.height_px, width_px=window.width_px, image=window)


def directions(sides: str) -> list[tuple[Modality, Modality]]:
    """Return what is asked and what is searched, for each letter."""
    return [MODALITIES if side == "A" else MODALITIES[::-1] for side in sides]


def read_places(path: Path) -> Places:
    """Read which images show the same place, from a CSV of two columns."""
    places: dict[str, set[str]] = defaultdict(set)
    with path.open(newline="", encoding="utf-8") as file:
        for one, other in csv.reader(file):
            places[one].add(other)
            places[other].add(one)
    return places


def judge(
    placed: list[tuple[str, Placement]], name: str, truth: Placement, known: Calibration, out: Outcome,
    also: Collection[str] = (),
) -> None:  # fmt: skip
    """Add one query's answer to the outcome; `also` are other images of its place."""
    names = [hit for hit, _ in placed]
    out.names.append(name)
    out.ranks.append(names.index(name) + 1 if name in names else len(names) + 1)
    out.confidence.append(share_confidence([p.similarity for _, p in placed], known)[0])
    without = [p.similarity for hit, p in placed if hit != name and hit not in also]
    out.refused.append(share_confidence(without, known)[0] if without else 0.0)
    right, place = out.ranks[-1] == 1, placed[0][1]
    out.error_px.append(math.dist(place.center_xy, truth.center_xy) if right else math.nan)
    out.error_deg.append(abs(wrap_angle(place.angle_deg - truth.angle_deg)) if right else math.nan)


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Return the share of (positive, negative) couples in the right order; equal ones count half."""
    if not len(positive) or not len(negative):
        return math.nan
    order = positive[:, None] - negative[None]
    return float((order > 0).mean() + 0.5 * (order == 0).mean())


def worth(right: np.ndarray, confidence: np.ndarray, refused: np.ndarray) -> tuple[float, float, float]:
    """Return AUROC, Brier score and the share of right answers kept at 1 % false accepts."""
    brier = float(np.concatenate([(confidence - right) ** 2, refused**2]).mean())
    kept = float((confidence[right] > np.quantile(refused, 0.99)).mean()) if right.any() else math.nan
    return auroc(confidence[right], refused), brier, kept


def line(name: str, out: Outcome) -> str:
    """Return one line of figures."""
    ranks = np.array(out.ranks)
    right = ranks == 1
    shares = " ".join(f"{100 * (ranks <= k).mean():5.1f}" for k in (1, 5, 10))
    errors = f"{np.nanmedian(out.error_px):5.2f} {np.nanmedian(out.error_deg):5.2f}" if right.any() else "    -     -"
    area, brier, kept = worth(right, np.array(out.confidence), np.array(out.refused))
    return (
        f"{name:12s} {len(ranks):4d} {shares} {errors} {np.mean(out.seconds):6.2f} "
        f"{area:6.3f} {brier:6.3f} {100 * kept:5.1f}"
    )


def build_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what says which windows are asked for, by which model."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("a_dir", type=Path)
    parser.add_argument("b_dir", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--part", default="val", help="train, val or test; choose settings on val alone")
    parser.add_argument("--sides", default="BA", help="kinds of query: B asked in A, A asked in B")
    parser.add_argument("--kinds", default="full,patch,any")
    parser.add_argument("--per-image", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    return parser


def main() -> None:
    """Print one line per direction and kind."""
    parser = build_parser(__doc__)
    parser.add_argument("--same-place", type=Path, help="CSV of two columns: images that show one place")
    parser.add_argument("--csv", type=Path, help="file for the ranks, errors and confidences, for intervals.py")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    model = ComirModel.load(a.model)
    pairs = find_pairs(a.a_dir, a.b_dir, split=a.split).part(a.part)
    places = read_places(a.same_place) if a.same_place else None
    rows: list[list[object]] = []
    print("queries        n  Acc@1    @5   @10    px   deg      s  AUROC  Brier  kept at 1 %")
    for asked, searched in directions(a.sides):
        images = repository(model, searched, a.a_dir if searched == "A" else a.b_dir)
        for kind in a.kinds.split(","):
            seeds = [(a.seed, k) for k in range(a.per_image)]
            outcome = ask(model, images, pairs, asked, kind, seeds, places)
            print(line(f"{asked} {kind}", outcome), flush=True)
            rows += [[a.seed, asked, kind, *row] for row in outcome.rows()]
            if a.csv:
                write_rows(a.csv, rows)


def write_rows(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write the table that `intervals.py` reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def ask(
    model: ComirModel,
    images: Repository,
    pairs: Sequence[Pair],
    asked: Modality,
    kind: str,
    seeds: Sequence[tuple[int, int]],
    places: Places | None = None,
) -> Outcome:
    """Ask for one window per pair and seed in all images of the other modality."""
    known, out = Calibration(**model.calibration), Outcome()
    there: Modality = "A" if asked == "B" else "B"
    look = look_again(model, asked, there, lambda n: images[n][1])
    aligner = Aligner(lambda n: images[n][0], AlignConfig(rotation_deg=KINDS[kind][2]), look)
    candidates = [Candidate(name=n, height_px=i.height_px, width_px=i.width_px) for n, (_, i) in images.items()]
    for pair in pairs:
        for seed in seeds:
            window, truth = draw(pair, asked, kind, seed)
            start = time.perf_counter()
            query = represent(model, asked, window)
            placed = aligner.align([query], candidates)[0]
            out.seconds.append(time.perf_counter() - start)
            judge(placed, pair.name, truth, known, out, (places or {}).get(pair.name, ()))
    return out


def repository(model: ComirModel, modality: Modality, folder: Path) -> Repository:
    """Represent every image of a folder: name -> (representation, image)."""
    result = {}
    for path in list_images([folder]):
        image = read_image(path)
        result[image.name] = (model.representer(modality).represent(image), image)
    return result


if __name__ == "__main__":
    main()
