"""The published figures sit in the cells that they were printed for."""

import pytest

from crosslight.evaluate.published import TABLE_1, TABLE_2, TABLE_2_K, TABLE_3, published_share


@pytest.mark.parametrize(
    ("method", "space", "repository", "query", "transformed", "size", "percent"),
    [
        ("comir+surf", "", "A", "B", True, "full", 61.2),  # SHG(T) in CoMIR(BF)
        ("comir+surf", "", "B", "A", True, "full", 59.0),
        ("comir+surf", "", "B", "A", False, "patch", 52.2),
        ("originals+detected-sift", "", "A", "A", True, "full", 100.0),
        ("cyclegan+detected-sift", "A", "B", "B", True, "full", 70.9),  # fake BF of SHG(T) in fake BF
        ("cyclegan+detected-sift", "B", "B", "A", False, "full", 14.2),  # fake SHG in SHG
        ("cyclegan+detected-sift", "B", "A", "A", True, "full", 48.5),  # fake SHG(T) in fake SHG
        ("pix2pix+surf", "B", "A", "B", False, "patch", 34.3),  # SHG in fake SHG
        ("comir+surf+patches30", "", "B", "A", True, "full", 75.4),
        ("tcnet", "", "A", "B", False, "patch", 22.4),
    ],
)
def test_acc_10(
    method: str, space: str, repository: str, query: str, transformed: bool, size: str, percent: float
) -> None:
    found = published_share(method, space, repository, query, transformed=transformed, size=size, k=10)
    assert found == pytest.approx(percent / 100)


def test_other_k_are_known_for_re_ranking_only() -> None:
    arguments = {"transformed": True, "size": "full", "k": 1}
    assert published_share("comir+surf+patches30", "", "A", "B", **arguments) == pytest.approx(0.455)
    assert published_share("originals+surf", "", "A", "B", **arguments) is None
    assert published_share("comir+surf+align30", "", "A", "B", **arguments) is None


def test_tables_agree_where_they_print_the_same_figure() -> None:
    # Acc@10 of the proposed method, with and without re-ranking, stands in two tables each.
    k = TABLE_2_K.index(10)
    for size in ("full", "patch"):
        rows = TABLE_1[size]["surf", "comir"]
        assert TABLE_2[size]["A"]["comir+surf"][k] == rows[1][1]
        assert TABLE_2[size]["B"]["comir+surf"][k] == rows[0][3]
        for query in "AB":
            reranked = TABLE_2[size][query]["comir+surf+patches30"][k]
            assert TABLE_3[size]["comir+surf+patches30"][query][1] == reranked


def test_real_images_searched_by_themselves_are_near_perfect_in_every_translation() -> None:
    # Guards the order of columns: the real query of a space comes first in its rows.
    for size, least in (("full", 98), ("patch", 85)):
        for (matcher, representation), rows in TABLE_1[size].items():
            if representation in ("cyclegan", "pix2pix"):
                assert rows[0][0] >= least and rows[2][0] >= least, (matcher, representation)
                assert rows[1][2] >= 84 and rows[3][2] >= 84
