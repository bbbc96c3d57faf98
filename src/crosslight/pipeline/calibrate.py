"""Calibrate the confidence of a fresh model on pairs it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from crosslight.config import AlignConfig
from crosslight.geometry import cut_window, rotated_extent
from crosslight.pipeline.looking import look_again
from crosslight.progress import silent
from crosslight.represent.base import Model
from crosslight.rerank.align import Aligner, Candidate, Query
from crosslight.rerank.confidence import confidence_features, cross_validate, fit_calibration
from crosslight.show.reliability import draw_reliability, write_reliability
from crosslight.types import Float64, Image, Modality, Pair, Placement, Progress

SHARES = (0.7, 0.45, 0.31)  # query side as a share of the image's short side
MIN_QUERY_PX = 96
MAX_TURN_DEG = 30.0
MAX_IMAGES, MAX_QUERIES = 60, 72


@dataclass(frozen=True, eq=False, kw_only=True)
class Answered:
    """A window whose image is known, and where it was found in all images: best first."""

    truth: str
    hits: list[tuple[str, Placement]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Windows:
    """Turned windows of each pair's one image, to be asked among all the other images.

    Attributes
    ----------
    asked, searched : Modality
        Of the windows and of the images.
    images : dict of str to Image
        What is searched, by the pair's name.
    truths : list of str
        The name of each window's pair.
    queries : list of Query
        The windows.
    """

    asked: Modality
    searched: Modality
    images: dict[str, Image]
    truths: list[str]
    queries: list[Query]


def cut_windows(model: Model, pairs: Sequence[Pair], *, seed: int = 0) -> Iterator[Windows]:
    """Cut windows of one modality and then of the other, of up to `MAX_IMAGES` pairs."""
    chosen = pairs[:MAX_IMAGES]
    directions: tuple[tuple[Modality, Modality], ...] = (("B", "A"), ("A", "B"))
    for number, (asked, searched) in enumerate(directions):
        rng = np.random.default_rng([seed, number])
        per_image = max(1, min(len(SHARES), MAX_QUERIES // (2 * len(chosen))))
        windows = [
            (p.name, _random_window(_side(p, asked), SHARES[(i + k) % len(SHARES)], rng))
            for i, p in enumerate(chosen)
            for k in range(per_image)
        ]
        queries = [
            Query(
                representation=model.representer(asked).represent(w),
                height_px=w.height_px,
                width_px=w.width_px,
                image=w,
            )
            for _, w in windows
        ]
        images = {p.name: _side(p, searched) for p in chosen}
        truths = [name for name, _ in windows]
        yield Windows(asked=asked, searched=searched, images=images, truths=truths, queries=queries)


def ask_windows(
    model: Model, pairs: Sequence[Pair], *, seed: int = 0, second_look: bool = False, progress: Progress = silent
) -> list[Answered]:
    """Ask turned windows of each pair's one image among all the other images, in both directions."""
    answered: list[Answered] = []
    for windows in cut_windows(model, pairs, seed=seed):
        images, searched = windows.images, model.representer(windows.searched)
        represented = {name: searched.represent(image) for name, image in images.items()}
        candidates = [Candidate(name=n, height_px=i.height_px, width_px=i.width_px) for n, i in images.items()]
        look = look_again(model, windows.asked, windows.searched, images.__getitem__) if second_look else None
        aligner = Aligner(represented.__getitem__, AlignConfig(rotation_deg=MAX_TURN_DEG), look)
        placed = aligner.align(windows.queries, candidates, lambda d, t, _: progress(d, t, "calibrating"))
        answered += [Answered(truth=name, hits=hits) for name, hits in zip(windows.truths, placed, strict=True)]
    return answered


def calibrate(
    model: Model, pairs: Sequence[Pair], *, seed: int = 0, picture: Path | None = None, progress: Progress = silent
) -> dict[str, float]:
    """Fit the confidence on windows of the pairs, each asked with its image in the repository and without it.

    Returns the fields of `Calibration`. Fewer than two pairs leave the standing values. `picture` is the file of a
    reliability plot, drawn where there are enough queries to fit on; a CSV of the same name holds its figures.
    """
    rows: list[Float64] = []
    right: list[float] = []
    groups: list[str] = []
    for answered in ask_windows(model, pairs, seed=seed, second_look=True, progress=progress):
        without = [hit for hit in answered.hits if hit[0] != answered.truth]
        for ranking in (answered.hits, without):
            if len(ranking) > 1:
                rows.append(confidence_features([place.similarity for _, place in ranking]))
                right.append(float(ranking[0][0] == answered.truth))
                groups.append(answered.truth)
    features, known = np.array(rows).reshape(-1, 3), np.array(right)
    calibration = fit_calibration(features, known)
    if picture is not None and calibration.n_queries:
        confidences = cross_validate(features, known, groups)
        draw_reliability(confidences, known, picture)
        write_reliability(confidences, known, picture.with_suffix(".csv"))
    return asdict(calibration)


def _side(pair: Pair, modality: Modality) -> Image:
    return pair.a if modality == "A" else pair.b


def _random_window(image: Image, share: float, rng: np.random.Generator) -> Image:
    """Cut a square window at a random place, turned a little, wholly inside the image."""
    angle = float(rng.uniform(-MAX_TURN_DEG, MAX_TURN_DEG))
    short = min(image.height_px, image.width_px)
    side = max(share * short, MIN_QUERY_PX)
    side = int(min(side, (short - 4) * side / rotated_extent(side, side, angle)[0]))
    half = rotated_extent(side, side, angle)[0] / 2 + 1
    center = (float(rng.uniform(half, image.width_px - half)), float(rng.uniform(half, image.height_px - half)))
    return cut_window(
        image, Placement(center_xy=center, angle_deg=angle, scale=1.0, similarity=1.0), side, side, "window"
    )
