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
    "compared with, or is not among them. The paper saw the same; `2dkd-places` asks with many.",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A short head and what there is to say: a fact and, where it needs one, its reason."""

    head: str
    fact: str
    why: str = ""

    @property
    def text(self) -> str:
        """All of it as one sentence."""
        return f"{self.fact}: {self.why}" if self.why else self.fact


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
                    fact=f"of transformed {SIZE_WORDS[size]} found first across modalities by {name_method(method)} "
                    f"(95 % interval {100 * best.low:.0f} to {100 * best.high:.0f}; a random order: "
                    f"{100 * chance_share(1, n_images):.1f} %).",
                )
            )
    return found


def find_surprises(results: Results, methods: Sequence[Method], sizes: Sequence[Size], labels: Labels) -> list[Finding]:
    """Return a sentence for every figure that contradicts what a working method, or the paper, shows.

    What has the same reason is said in one sentence.
    """
    notes = [Finding(head=name_method(m), fact=results.notes[m.name]) for m in methods if m.name in results.notes]
    surprises = list(_unsure_of_themselves(results, methods, labels))
    for method in methods:
        for size in sizes:
            surprises += _nothing_to_see(results, method, size)
            surprises += _below_chance(results, method, size)
            surprises += _no_better_than_originals(results, method, size)
            surprises += _made_worse(results, method, size)
    return notes + _merge(surprises)


def _merge(findings: Sequence[Finding]) -> list[Finding]:
    """Join facts under one head that have the same reason."""
    joined: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        joined.setdefault((finding.head, finding.why), []).append(finding.fact)
    return [Finding(head=head, fact="; ".join(facts), why=why) for (head, why), facts in joined.items()]


def _unsure_of_themselves(results: Results, methods: Sequence[Method], labels: Labels) -> Iterator[Finding]:
    """Find whole untransformed images that are not found among themselves: one finding for each matcher."""
    for matcher in dict.fromkeys(m.matcher for m in methods if m.matcher in (*LOCAL, *WHY_UNSURE)):
        heads, shares = [], []
        for method in methods:
            if method.matcher == matcher and not method.cross_only and (mine := _own_misses(results, method, labels)):
                heads.append(name_method(method))
                shares += mine
        if shares:
            yield Finding(
                head=", ".join(heads),
                fact=f"only {_enumerate(shares)} of untransformed whole images were found first, where the very same "
                "image is searched",
                why=WHY_UNSURE.get(matcher, WHY_UNSURE[""]),
            )


def _enumerate(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _own_misses(results: Results, method: Method, labels: Labels) -> list[str]:
    """Return "50 % (photo)" for every repository whose untransformed whole images are not found in it."""
    misses = []
    for cell in results.find(method=method.name, size="full", transformed=False):
        estimate = estimate_cells([cell], 1)
        if not cell.cell.is_cross and estimate is not None and estimate.share < SURE:
            where = name_repository(method, cell.cell.space, cell.cell.repository, labels)
            misses.append(f"{100 * estimate.share:.0f} % ({where})")
    return misses


def _nothing_to_see(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    """Find bags of words in which many queries are empty."""
    if method.matcher not in LOCAL or method.shortlist:
        return
    best = [row[0] for cell in results.find(method=method.name, size=size) for row in cell.similarities]
    n_empty = sum(similarity == 0 for similarity in best)
    if n_empty > MARGIN * len(best):
        yield Finding(
            head=name_method(method),
            fact=f"{n_empty} of {len(best)} queries with {SIZE_WORDS[size]} share no word with any image",
            why="mostly no point was found in them; each counts as wrong.",
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
            fact=f"Acc@{k} of transformed {SIZE_WORDS[size]} across modalities is below that of a random order "
            f"({100 * estimate.share:.1f} against {100 * chance_share(k, n_images):.1f} %)",
            why="what it compares differs more between the modalities than between the images, so that a few images "
            "attract every query.",
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
            fact=f"Acc@{k} of transformed {SIZE_WORDS[size]} across modalities is {100 * mine.share:.1f} %, less than "
            f"with the originals ({100 * plain.share:.1f} %), other than in the paper",
            why="the training was too short, or this matcher does not suit the representation.",
        )


def _made_worse(results: Results, method: Method, size: Size) -> Iterator[Finding]:
    """Find re-rankings that lower Acc@1: the paper's raised it."""
    if not method.shortlist:
        return
    after = estimate_cells(cross_cells(results, method, size), 1)
    before = estimate_cells(cross_cells(results, method.base, size), 1)
    if after is not None and before is not None and after.share < before.share - MARGIN:
        words = "the words that it learns for each query tell these images less well than those of the whole repository"
        places = "the representations of other images fit the queries better than those of the true ones"
        yield Finding(
            head=name_method(method),
            fact=f"re-ranking lowers Acc@1 of transformed {SIZE_WORDS[size]} across modalities from "
            f"{100 * before.share:.1f} to {100 * after.share:.1f} %, other than in the paper",
            why=f"{words if method.rerank == 'patches' else places}.",
        )
