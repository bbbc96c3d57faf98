"""What a reader should see first: the best methods in a sentence, and cells that are not as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crosslight.evaluate.cells import Results, estimate_cells
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import chance_share, estimate_success
from crosslight.evaluate.plots import SIZE_WORDS, cross_cells
from crosslight.evaluate.queries import Size
from crosslight.evaluate.tables import name_method

SURE = 0.95  # an untransformed image must be found within its own modality this often
INVARIANT = ("surf", "detected-sift", "sift", "rootsift", "oriented-surf")


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


def find_surprises(results: Results, methods: Sequence[Method], sizes: Sequence[Size]) -> list[Finding]:
    """Return a sentence for what contradicts what a working method must show."""
    surprises = [Finding(head=name_method(m), text=results.notes[m.name]) for m in methods if m.name in results.notes]
    for method in methods:
        if method.cross_only or method.matcher not in INVARIANT:
            continue
        for size in sizes:
            cells = [r for r in results.find(method=method.name, size=size, transformed=False) if not r.cell.is_cross]
            for cell in cells:
                estimate = estimate_success([cell.ranks], 1)
                if size == "full" and estimate.share < SURE:
                    surprises.append(
                        Finding(
                            head=name_method(method),
                            text=f"Only {100 * estimate.share:.0f} % of untransformed whole images were found first "
                            f"within modality {cell.cell.repository}, where the very same image is searched: too "
                            "little is described in them, or several images are alike.",
                        )
                    )
    return surprises
