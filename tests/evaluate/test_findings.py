from dataclasses import replace

from crosslight.evaluate.cells import Cell, CellResult, Results
from crosslight.evaluate.findings import find_surprises, headline
from crosslight.evaluate.methods import parse_methods
from crosslight.evaluate.queries import QueryKind
from crosslight.evaluate.tables import Labels

N = 40


def cell(method: str, ranks: list[int], *, repository: str = "A", query: str = "B", transformed: bool = True):  # type: ignore[no-untyped-def]
    kind = QueryKind(modality=query, transformed=transformed, size="full")
    names = [f"n{i}" for i in range(N)]
    return CellResult(
        cell=Cell(fold="", method=method, space="", repository=repository, kind=kind), images=names,
        queries=names[: len(ranks)], ranks=ranks, top=[[0]] * len(ranks), similarities=[[1.0]] * len(ranks),
    )  # fmt: skip


def surprises(*cells: CellResult) -> list[tuple[str, str]]:
    methods = parse_methods(list(dict.fromkeys(c.cell.method for c in cells)))
    return [(f.head, f.text) for f in find_surprises(Results(results=cells), methods, ["full"], Labels())]


def test_results_like_the_papers_need_no_sentence() -> None:
    assert (
        surprises(
            cell("originals+surf", [1] * 20, query="A", transformed=False),
            cell("originals+surf", [12] * 15 + [3] * 5),
            cell("comir+surf", [1] * 8 + [7] * 12),
            cell("comir+surf+patches30", [1] * 12 + [7] * 8),
        )
        == []
    )


def test_an_image_that_does_not_find_itself_is_told() -> None:
    ((head, text),) = surprises(cell("originals+surf", [1] * 10 + [2] * 10, query="A", transformed=False))
    assert head == "Originals + SURF" and "only 50 %" in text


def test_a_search_with_one_place_is_explained() -> None:
    ((head, text),) = surprises(cell("originals+2dkd", [1] * 5 + [2] * 10, query="A", transformed=False))
    assert head == "Originals + 2DKD" and "only 33 %" in text and "2dkd-places" in text


def test_the_same_reason_is_given_once() -> None:
    ((head, text),) = surprises(
        *(
            cell(f"{space}+2dkd", [1] * n + [2] * (10 - n), repository=modality, query=modality, transformed=False)
            for space, modality, n in (("originals", "A", 4), ("originals", "B", 3), ("comir", "A", 2))
        )
    )
    assert head == "Originals + 2DKD, CoMIR + 2DKD" and text.count("asks with one place") == 1
    assert "only 40 % (A), 30 % (B) and 20 % (CoMIR(A)) of untransformed whole images" in text


def test_less_than_a_random_order_is_told() -> None:
    ((_, text),) = surprises(cell("originals+2dkd", [39] * 40))
    assert "below that of a random order (0.0 against 25.0 %)" in text


def test_what_brings_nothing_or_harms_is_told() -> None:
    found = surprises(
        cell("originals+surf", [3] * 20), cell("comir+surf", [3] * 10 + [30] * 10), cell("comir+surf+align30", [2] * 20)
    )
    assert [head for head, _ in found] == ["CoMIR + SURF"] and "less than with the originals" in found[0][1]
    found = surprises(cell("comir+surf", [1] * 20), cell("comir+surf+patches15", [1] * 10 + [2] * 10))
    assert "from 100.0 to 50.0 %" in found[0][1]


def test_queries_in_which_nothing_is_found_are_told() -> None:
    found = cell("originals+detected-sift", [40] * 5 + [2] * 15)
    empty = replace(found, similarities=[[0.0]] * 5 + [[0.4]] * 15)
    ((_, text),) = surprises(empty)
    assert "5 of 20 queries with whole images share no word" in text


def test_headline_names_the_best_method_and_a_random_order() -> None:
    cells = [cell("comir+surf", [1] * 5 + [2] * 15), cell("comir+align", [1] * 18 + [2] * 2)]
    (found,) = headline(Results(results=cells), parse_methods(["comir+surf", "comir+align"]), ["full"], N)
    assert found.head == "90 %" and "CoMIR + alignment" in found.text and "random order: 2.5 %" in found.text
