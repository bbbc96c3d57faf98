import pytest

from crosslight.evaluate.cells import Cell, CellResult, Results, estimate_cells
from crosslight.evaluate.methods import parse_methods
from crosslight.evaluate.queries import QueryKind
from crosslight.evaluate.summary import summarise
from crosslight.evaluate.tables import Labels, chance_row, make_table_1, make_table_2, make_table_3

LABELS = Labels(a="BF", b="SHG")


def result(method: str, repository: str, modality: str, ranks: list[int], **more: object) -> CellResult:
    kind = QueryKind(modality=modality, transformed=more.pop("transformed", True), size=more.pop("size", "full"))
    cell = Cell(fold=more.pop("fold", ""), method=method, space=more.pop("space", ""), repository=repository, kind=kind)
    names = [f"n{i}" for i in range(len(ranks))]
    return CellResult(
        cell=cell, images=names, queries=names, ranks=ranks, top=[[0]] * len(ranks), similarities=[[1.0]] * len(ranks)
    )


def shares(row: object) -> list[float | None]:
    return [None if c.estimate is None else round(100 * c.estimate.share) for c in row.cells]


def test_table_1_has_the_papers_rows_and_columns() -> None:
    methods = parse_methods(["comir+surf", "pix2pix+surf", "originals+detected-sift"])
    table = make_table_1(Results(), methods, LABELS, "full", 10)
    assert table.columns == ["BF", "BF(T)", "SHG", "SHG(T)"]
    heads = [[text for text, span in row.heads if span] for row in table.rows]
    assert heads == [
        ["SIFT", "Originals", "BF"],
        ["SHG"],
        ["SURF", "CoMIR", "CoMIR(BF)"],
        ["CoMIR(SHG)"],
        ["pix2pix", "BF"],
        ["Fake BF"],
        ["SHG"],
        ["Fake SHG"],
    ]
    assert [c.tint for c in table.rows[5].cells] == ["cross", "cross-t", "within", "within-t"]
    assert [c.published for c in table.rows[2].cells] == pytest.approx([1.0, 0.938, 0.714, 0.612])


def test_cells_without_data_are_empty_and_the_best_of_each_kind_is_marked() -> None:
    methods = parse_methods(["originals+surf", "comir+surf"])
    results = Results(
        results=[
            result("originals+surf", "A", "B", [1, 20, 30, 40]),
            result("comir+surf", "A", "B", [1, 2, 3, 40]),
            result("comir+surf", "B", "A", [1, 50, 60, 40]),
            result("originals+surf", "A", "A", [1, 1, 1, 1]),
        ]
    )
    table = make_table_1(results, methods, LABELS, "full", 10)
    assert shares(table.rows[0]) == [None, 100, None, 25]
    assert shares(table.rows[2]) == [None, None, None, 75]
    best = [[c.is_best for c in row.cells] for row in table.rows]
    assert best[2] == [False, False, False, True] and best[0] == [False] * 4
    assert best[3] == [False] * 4  # alone in its column and kind


def test_folds_are_averaged_not_pooled() -> None:
    few, many = result("tcnet", "A", "B", [1, 1]), result("tcnet", "A", "B", [9] * 8, fold="fold2")
    estimate = estimate_cells([few, many], 1)
    assert estimate.share == 0.5 and estimate.n == 10
    table = make_table_3(Results(results=[few, many]), parse_methods(["tcnet"]), LABELS, "full", 1)
    assert shares(table.rows[0]) == [None, None, None, 50]


def test_table_2_compares_re_rankings_of_each_direction() -> None:
    methods = parse_methods(["table2", "comir+surf+align30", "comir+align", "originals+surf"])
    results = Results(
        results=[
            result("comir+surf", "B", "A", [1, 9, 30]),
            result("comir+surf+patches30", "B", "A", [1, 1, 30]),
            result("comir+align", "B", "A", [1, 1, 1]),
        ]
    )
    table = make_table_2(results, methods, LABELS, "full", (1, 10))
    assert [row.heads[1][0] for row in table.rows[:5]] == [
        "none", "patches, best 15", "patches, best 30", "alignment, best 30", "alignment with all",
    ]  # fmt: skip
    assert table.rows[0].heads[0] == ("BF(T) in SHG", 5) and table.rows[5].heads[0] == ("SHG(T) in BF", 5)
    assert shares(table.rows[0]) == [33, 67] and shares(table.rows[4]) == [100, 100]
    assert [c.is_best for c in table.rows[4].cells] == [True, True]
    assert table.rows[2].cells[0].published == pytest.approx(0.343)
    assert make_table_2(results, parse_methods(["originals+surf"]), LABELS, "full", (1,)) is None


def test_labels_that_swap_the_papers_modalities_swap_its_figures() -> None:
    methods = parse_methods(["comir+surf"])
    table = make_table_1(Results(), methods, Labels(a="SHG", b="BF"), "full", 10)
    assert [c.published for c in table.rows[0].cells] == pytest.approx([1.0, 0.921, 0.761, 0.59])


def test_summary_takes_transformed_queries_across_modalities_and_both_directions() -> None:
    results = Results(
        results=[
            result("originals+surf", "A", "B", [1, 2]),
            result("originals+surf", "B", "A", [1, 1]),
            result("originals+surf", "A", "A", [1, 1]),
            result("originals+surf", "A", "B", [9, 9], transformed=False),
        ]
    )
    (row,) = summarise(results, parse_methods(["originals+surf", "comir+surf"]), ["full"], (1, 5))
    assert [e.share for e in row.shares["full"]] == [0.75, 1.0]


def test_a_random_order_is_the_last_row_to_beat() -> None:
    assert chance_row(20, (1, 10, 30)) == [0.05, 0.5, 1.0]
