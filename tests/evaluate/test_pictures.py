"""Which queries are shown as the best and the worst."""

from crosslight.evaluate.cells import Cell, CellResult
from crosslight.evaluate.pictures import choose_examples
from crosslight.evaluate.queries import QueryKind


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
