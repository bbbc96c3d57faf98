"""Which queries are shown as the best and the worst."""

import numpy as np

from crosslight.evaluate.cells import Cell, CellResult
from crosslight.evaluate.pictures import HEAD_PX, choose_examples, head_space
from crosslight.evaluate.queries import QueryKind
from crosslight.evaluate.tables import Labels


def cell(ranks: list[int], leads: list[float]) -> CellResult:
    names = [f"n{i}" for i in range(9)]
    return CellResult(
        cell=Cell(
            fold="", method="comir+align", space="", repository="A",
            kind=QueryKind(modality="B", transformed=True, size="full"),
        ),
        images=names, queries=names[: len(ranks)], ranks=ranks, top=[[0, 1]] * len(ranks),
        similarities=[[0.5 + lead, 0.5] for lead in leads],
    )  # fmt: skip


def test_the_largest_leads_come_first_and_then_the_last_ranks() -> None:
    chosen = choose_examples([cell([1, 1, 4, 1, 9], [0.1, 0.3, 0.0, 0.2, 0.0])])
    assert [number for _, number in chosen] == [1, 3, 4, 2]


def test_where_nothing_is_wrong_the_least_clear_answers_are_shown() -> None:
    chosen = choose_examples([cell([1, 1, 1, 1, 1], [0.1, 0.3, 0.05, 0.2, 0.15])])
    assert [number for _, number in chosen] == [1, 3, 2, 0]
    assert [number for _, number in choose_examples([cell([1], [0.1])])] == [0]


def test_columns_of_representations_are_headed_by_the_labels_given() -> None:
    drawn = np.full((50, 1088, 3), 120, np.uint8)
    plain, named = (head_space(drawn, Labels(a=a, b="B")) for a in ("A", "bright field"))
    assert (plain[HEAD_PX:] == drawn).all() and (named[HEAD_PX:] == drawn).all()
    differing = (plain != named).any(axis=(0, 2)).nonzero()[0]
    assert len(differing) > 0 and differing.max() < 2 * 276  # the two columns of A
