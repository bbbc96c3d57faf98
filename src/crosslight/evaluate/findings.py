"""What a reader should see first: the best methods in a sentence, and cells that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from crosslight.evaluate.cells import Results, estimate_cells
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import chance_share
from crosslight.evaluate.plots import SIZE_WORDS, cross_cells, telling_k
from crosslight.evaluate.queries import Size
from crosslight.evaluate.tables import Labels, name_method, name_repository

SURE = 0.95  # an untransformed image must be found within its own modality this often
MARGIN = 0.02  # smaller differences are passed over
# Describers of many places: with them the very same image must be found.
LOCAL = ("surf", "detected-sift", "sift", "rootsift", "oriented-surf")

WHY_UNSURE = {  # by matcher; "" of those that describe many places
    "": "too little is described in them, or several images are alike.",
    "2dkd": "this search asks with one place, the middle, which lies up to 2 px off the grid of places that it is "
    "compared with, or is not among them. The paper saw the same; 2dkd-places asks with many.",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A short head and a sentence."""

    head: str
    text: str


def headline(results: Results, methods: Sequence[Method], sizes: Sequence[Size], n_images: int) -> list[Finding]:
    """Return for each size which method was best across modalities, against a random order."""
    found = []
    for size in sizes:
        rated = [(e, m) for m in methods if (e := estimate_cells(cross_cells(results, m, size), 1)) is not None]
        if rated:
            best, method = max(rated, key=lambda item: item[0].share)
            found.append(
                Finding(
                    head=f"{100 * best.share:.0f} %",
                    text=f"of transformed {SIZE_WORDS[size]} found first across modalities by {name_method(method)} "
                    f"(95 % interval {100 * best.low:.0f} to {100 * best.high:.0f}; a random order: "
                    f"{100 * chance_share(1, n_images):.1f} %).",
                )
            )
    return found


def find_surprises(results: Results, methods: Sequence[Method], sizes: Sequence[Size], labels: Labels) -> list[Finding]:
    """Return a sentence for every figure that contradicts what a working method, or the paper, shows."""
    surprises = [Finding(head=name_method(m), text=results.notes[m.name]) for m in methods if m.name in results.notes]
    for method in methods:
        surprises += _unsure_of_itself(results, method, labels)
        for size in sizes:
            surprises += _nothing_to_see(results, method, size)
            surprises += _below_chance(results, method, size)
            surprises += _no_better_than_originals(results, method, size)
            surprises += _made_worse(results, method, size)
    return surprises


def _unsure_of_itself(results: Results, method: Method, labels: Labels) -> Iterator[Finding]:
    """Find whole untransformed images that are not found among themselves."""
    if method.cross_only or method.matcher not in (*LOCAL, *WHY_UNSURE):
        return
    why = WHY_UNSURE.get(method.matcher, WHY_UNSURE[""])
    for cell in results.find(method=method.name, size="full", transformed=False):
        estimate = estimate_cells([cell], 1)
        if cell.cell.is_cross or estimate is None or estimate.share >= SURE:
            continue
        where = name_repository(method, cell.cell.space, cell.cell.repository, labels)
        yield Finding(
            head=name_method(method),
            text=f"Only {100 * estimate.share:.0f} % of untransformed whole images were found first in {where}, where "
            f"the very same image is searched: {why}",
        )


def _nothing_to_see(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    """Find bags of words in which many queries are empty."""
    if method.matcher not in LOCAL or method.shortlist:
        return
    best = [row[0] for cell in results.find(method=method.name, size=size) for row in cell.similarities]
    n_empty = sum(similarity == 0 for similarity in best)
    if n_empty > MARGIN * len(best):
        yield Finding(
            head=name_method(method),
            text=f"{n_empty} of {len(best)} queries with {SIZE_WORDS[size]} share no word with any image, mostly "
            "because no point was found in them; each counts as wrong.",
        )


def _below_chance(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    cells = cross_cells(results, method, size)
    if not cells:
        return
    n_images = min(len(c.images) for c in cells)
    k = telling_k(n_images)
    estimate = estimate_cells(cells, k)
    if estimate is not None and estimate.high < chance_share(k, n_images):
        yield Finding(
            head=name_method(method),
            text=f"Acc@{k} of transformed {SIZE_WORDS[size]} across modalities is below that of a random order "
            f"({100 * estimate.share:.1f} against {100 * chance_share(k, n_images):.1f} %): what it compares differs "
            "more between the modalities than between the images, so that a few images attract every query.",
        )


def _no_better_than_originals(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    """Find learnt representations that bring nothing: the paper's were better than the originals."""
    if method.representation in ("", "originals") or method.shortlist:
        return
    cells = cross_cells(results, method, size)
    k = telling_k(min((len(c.images) for c in cells), default=1))
    mine = estimate_cells(cells, k)
    plain = estimate_cells(cross_cells(results, replace(method, representation="originals"), size), k)
    if mine is not None and plain is not None and mine.share < plain.share - MARGIN:
        yield Finding(
            head=name_method(method),
            text=f"Acc@{k} of transformed {SIZE_WORDS[size]} across modalities is {100 * mine.share:.1f} %, less than "
            f"with the originals ({100 * plain.share:.1f} %), other than in the paper: the training was too short, or "
            "this matcher does not suit the representation.",
        )


def _made_worse(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    """Find re-rankings that lower Acc@1: the paper's raised it."""
    if not method.shortlist:
        return
    after = estimate_cells(cross_cells(results, method, size), 1)
    before = estimate_cells(cross_cells(results, method.base, size), 1)
    if after is not None and before is not None and after.share < before.share - MARGIN:
        yield Finding(
            head=name_method(method),
            text=f"Re-ranking lowers Acc@1 of transformed {SIZE_WORDS[size]} across modalities from "
            f"{100 * before.share:.1f} to {100 * after.share:.1f} %, other than in the paper: the words that it learns "
            "for each query tell these images less well than those of the whole repository.",
        )
