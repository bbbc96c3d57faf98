"""The demonstration from end to end: train, index, ask, and show what came out."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crosslight.config import IndexConfig, VocabularyConfig, preset
from crosslight.demo.cut import cut_pairs, cut_patches, cut_tiles
from crosslight.demo.earth import Earth, Patch, Tile, load_earth
from crosslight.demo.story import write_story
from crosslight.demo.world import Answer, draw_world, judge
from crosslight.pipeline.fit import fit_pairs
from crosslight.pipeline.index import Index
from crosslight.progress import silent
from crosslight.represent.checkpoint import has_checkpoint
from crosslight.represent.record import is_finished
from crosslight.show.canvas import save_picture
from crosslight.types import Progress, Ranking

N_HITS = 5
INDEX = IndexConfig(vocabulary=VocabularyConfig(n_words=1_000, max_descriptors=50_000))  # few images, so few words


@dataclass(frozen=True, eq=False, kw_only=True)
class Demonstration:
    """What `run_demo` made.

    Attributes
    ----------
    answers : sequence of Answer
        One per patch, with the truth.
    rankings : sequence of Ranking
        One per patch, in the same order.
    world, page : Path
        The picture and the HTML page.
    seconds : dict
        How long each step took, by its name.
    """

    answers: Sequence[Answer]
    rankings: Sequence[Ranking]
    world: Path
    page: Path
    seconds: dict[str, float]


def run_demo(
    folder: Path, *, minutes: float = 2.0, quick: bool = False, n_patches: int = 8, seed: int = 0,
    device: str = "auto", progress: Progress = silent,
) -> Demonstration:  # fmt: skip
    """Find relief patches that were never trained on in the true-colour Earth.

    Parameters
    ----------
    folder : Path
        Where model, index and pictures go; what is finished there already is used again.
    minutes : float
        How long to train.
    quick : bool
        Search with the head start that comes with the package instead of training on pairs.
    n_patches : int
        How many patches to ask with.
    seed : int
        For training and for the choice of the patches.
    device : str
        "auto", "cpu", "cuda", "mps".
    progress : callable
        See `crosslight.progress`.
    """
    clock = _Clock()
    earth = load_earth()
    model = quick_model(folder / "model-quick", device=device) if quick else folder / "model"
    if not quick and not is_finished(model):
        _train(earth, model, minutes, seed, device, progress)
        clock.lap("train")
    tiles = cut_tiles(earth)
    images = _write_tiles(tiles, folder / "repository")
    name = "index-quick" if quick else "index"
    index = Index.build(
        [images], model, modality="A", out=folder / name, config=INDEX, device=device, progress=progress
    )
    clock.lap("index")
    with index:
        patches = cut_patches(earth, tiles, n_patches, seed=seed)
        rankings = index.search([p.image for p in patches], top=N_HITS, rotation=180.0, progress=progress)
        clock.lap("search")
        by_name = {tile.image.name: tile for tile in tiles}
        answers = [judge(p, r, by_name) for p, r in zip(patches, rankings, strict=True)]
        world = folder / "world.png"
        save_picture(draw_world(earth, answers), world)
        closer = folder / "closer.png"
        best = _clearest(answers)
        index.draw([rankings[best]], closer)
    _write_patches(patches, folder / "queries")
    page = folder / "index.html"
    write_story(page, answers, world=world, closer=closer, preview=model / "preview.png", seconds=clock.laps)
    return Demonstration(answers=answers, rankings=rankings, world=world, page=page, seconds=clock.laps)


class _Clock:
    """Takes the time between steps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = now - self._last, now


def quick_model(folder: Path, *, device: str = "auto") -> Path:
    """Write a model that is the head start alone, unless it is there, and return its folder: it has seen no pair."""
    if not is_finished(folder):
        shutil.rmtree(folder, ignore_errors=True)
        fit_pairs(cut_pairs(load_earth()), folder, config=preset("default"), steps=0, device=device)
    return folder


def _train(earth: Earth, model: Path, minutes: float, seed: int, device: str, progress: Progress) -> None:
    """Train, or go on with what was stopped."""
    fit_pairs(
        cut_pairs(earth), model, config=preset("default"), minutes=minutes, seed=seed, device=device,
        resume=has_checkpoint(model / "checkpoint"), progress=progress,
    )  # fmt: skip


def _write_tiles(tiles: Sequence[Tile], folder: Path) -> Path:
    """Write the repository as image files, since that is what people have; those there already are left."""
    for tile in tiles:
        path = folder / f"{tile.image.name}.jpg"
        if not path.exists():
            save_picture(tile.image.pixels, path)
    return folder


def _write_patches(patches: Sequence[Patch], folder: Path) -> None:
    """Write the queries as files too, to be asked again from the command line."""
    for patch in patches:
        save_picture(patch.image.pixels[:, :, 0], folder / f"{patch.image.name}.png")


def _clearest(answers: Sequence[Answer]) -> int:
    """Return which answer to look at closely: the most confident of the right ones, or of all if none is right."""

    def merit(i: int) -> tuple[bool, float]:
        hit = answers[i].hit
        return answers[i].right, hit.confidence if hit else 0.0

    return max(range(len(answers)), key=merit)
