"""The figures that Breznik et al. 2024 (doi 10.1038/s41598-024-68800-1) printed, in percent.

Their modality A is bright field (BF), B second-harmonic generation (SHG); 134 pairs were asked and searched.
"""

from __future__ import annotations

from crosslight.evaluate.queries import Size
from crosslight.types import Modality

N_IMAGES = 134
AERIAL_TOP_1 = 91.9  # mean Acc@1 on the aerial images, in the text
Row = tuple[float, float, float, float]

# Table 1, Acc@10: matcher, representation -> one row per repository. Columns are the queries BF, BF(T), SHG, SHG(T) for
# repositories BF and SHG. Of a translation the four repositories are BF, fake BF, SHG and fake SHG, and the columns the
# real queries of that modality, the same transformed, the fake ones, the same transformed.
TABLE_1: dict[Size, dict[tuple[str, str], tuple[Row, ...]]] = {
    "full": {
        ("detected-sift", "originals"): ((100.0, 100.0, 9.7, 11.2), (9.2, 10.0, 100.0, 100.0)),
        ("detected-sift", "comir"): ((100.0, 97.0, 37.1, 32.8), (31.1, 30.3, 100.0, 100.0)),
        ("detected-sift", "cyclegan"): (
            (100.0, 100.0, 15.7, 16.4),
            (26.1, 24.6, 100.0, 70.9),
            (100.0, 100.0, 14.2, 13.4),
            (15.7, 18.7, 100.0, 48.5),
        ),
        ("detected-sift", "pix2pix"): (
            (100.0, 100.0, 14.2, 21.6),
            (20.9, 22.4, 100.0, 20.2),
            (100.0, 100.0, 14.2, 14.2),
            (0.0, 18.7, 100.0, 26.1),
        ),
        ("surf", "originals"): ((100.0, 97.3, 15.2, 14.2), (10.9, 10.7, 100.0, 97.5)),
        ("surf", "comir"): ((100.0, 93.8, 71.4, 61.2), (76.1, 59.0, 100.0, 92.1)),
        ("surf", "cyclegan"): (
            (100.0, 98.9, 21.6, 17.2),
            (35.8, 23.9, 100.0, 78.4),
            (100.0, 98.1, 12.7, 12.7),
            (14.2, 12.7, 100.0, 88.8),
        ),
        ("surf", "pix2pix"): (
            (100.0, 98.9, 20.9, 12.7),
            (35.8, 31.3, 100.0, 67.9),
            (100.0, 98.1, 26.1, 19.4),
            (35.1, 31.3, 100.0, 85.1),
        ),
        ("resnet", "originals"): ((100.0, 73.1, 48.5, 29.1), (46.3, 23.1, 100.0, 70.1)),
        ("resnet", "comir"): ((100.0, 61.6, 50.8, 20.9), (50.4, 22.7, 100.0, 53.7)),
        ("2dkd", "originals"): ((40.3, 28.7, 5.3, 3.7), (5.2, 6.0, 24.6, 31.3)),
        ("2dkd", "comir"): ((24.6, 13.4, 11.2, 6.0), (6.7, 9.7, 18.7, 12.7)),
    },
    "patch": {
        ("detected-sift", "originals"): ((97.5, 97.0, 8.7, 8.2), (10.4, 10.0, 86.3, 82.1)),
        ("detected-sift", "comir"): ((100.0, 69.9, 17.2, 18.2), (18.9, 18.7, 100.0, 79.1)),
        ("detected-sift", "cyclegan"): (
            (98.9, 97.8, 11.2, 11.2),
            (16.4, 17.9, 100.0, 35.8),
            (87.7, 85.8, 14.2, 11.9),
            (14.2, 15.7, 91.0, 24.6),
        ),
        ("detected-sift", "pix2pix"): (
            (98.9, 97.8, 14.2, 21.6),
            (18.7, 23.1, 98.5, 21.6),
            (87.7, 85.8, 12.7, 9.7),
            (15.7, 15.7, 98.5, 14.2),
        ),
        ("surf", "originals"): ((95.5, 84.8, 13.9, 13.7), (10.9, 10.0, 95.8, 88.6)),
        ("surf", "comir"): ((100.0, 76.6, 46.3, 44.8), (52.2, 35.8, 100.0, 73.6)),
        ("surf", "cyclegan"): (
            (96.3, 88.5, 17.9, 13.4),
            (26.1, 21.6, 98.5, 60.5),
            (96.7, 91.1, 11.9, 8.2),
            (13.4, 13.4, 84.3, 45.5),
        ),
        ("surf", "pix2pix"): (
            (96.3, 88.5, 14.9, 11.9),
            (25.3, 18.7, 97.0, 34.3),
            (96.7, 91.1, 16.4, 19.4),
            (34.3, 34.3, 100.0, 42.5),
        ),
        ("resnet", "originals"): ((9.0, 12.7, 11.1, 9.0), (11.1, 8.2, 11.9, 10.5)),
        ("resnet", "comir"): ((10.5, 12.3, 4.1, 7.1), (8.2, 10.1, 14.1, 13.8)),
        ("2dkd", "originals"): ((26.1, 23.8, 11.2, 6.0), (5.2, 6.0, 24.6, 31.3)),
        ("2dkd", "comir"): ((11.2, 8.2, 7.5, 15.7), (17.9, 14.9, 9.0, 12.0)),
    },
}

# Table 2, Acc@1, 5, 10, 15 of transformed queries across modalities: query modality -> re-ranking -> figures.
TABLE_2_K = (1, 5, 10, 15)
TABLE_2: dict[Size, dict[Modality, dict[str, Row]]] = {
    "full": {
        "A": {
            "comir+surf": (26.9, 51.5, 59.0, 63.4),
            "comir+surf+patches15": (32.8, 55.2, 62.0, 63.4),
            "comir+surf+patches30": (34.3, 59.7, 75.4, 75.4),
        },
        "B": {
            "comir+surf": (21.6, 45.5, 61.2, 69.4),
            "comir+surf+patches15": (42.5, 57.5, 66.4, 69.4),
            "comir+surf+patches30": (45.5, 64.9, 83.6, 83.6),
        },
    },
    "patch": {
        "A": {
            "comir+surf": (11.2, 25.4, 35.8, 42.5),
            "comir+surf+patches15": (23.1, 37.3, 41.8, 42.5),
            "comir+surf+patches30": (27.6, 47.0, 51.5, 55.9),
        },
        "B": {
            "comir+surf": (10.4, 32.8, 44.8, 53.7),
            "comir+surf+patches15": (29.1, 46.3, 53.7, 53.7),
            "comir+surf+patches30": (29.1, 53.7, 63.4, 67.2),
        },
    },
}

# Table 3, Acc@10 across modalities: method -> query modality -> (as it is, transformed).
TABLE_3: dict[Size, dict[str, dict[Modality, tuple[float, float]]]] = {
    "full": {
        "comir+surf+patches30": {"A": (86.6, 75.4), "B": (89.6, 83.6)},
        "tcnet": {"A": (35.8, 37.3), "B": (47.8, 43.4)},
        "imtdf": {"A": (12.7, 11.2), "B": (9.7, 11.9)},
    },
    "patch": {
        "comir+surf+patches30": {"A": (56.7, 51.5), "B": (66.4, 63.4)},
        "tcnet": {"A": (12.7, 16.4), "B": (22.4, 20.1)},
        "imtdf": {"A": (7.5, 8.2), "B": (7.5, 7.5)},
    },
}


def published_share(
    method: str, space: str, repository: Modality, query: Modality, *, transformed: bool, size: Size, k: int
) -> float | None:  # fmt: skip
    """Return what the paper printed for a cell, as a share in [0, 1]; None where it printed nothing.

    `space` is "A" or "B" for translations; see `Cell`.
    """
    percent = _from_table_1(method, space, repository, query, transformed, size) if k == 10 else None
    if percent is None and repository != query:
        if k == 10 and method in TABLE_3[size]:
            percent = TABLE_3[size][method][query][transformed]
        elif transformed and k in TABLE_2_K and method in TABLE_2[size][query]:
            percent = TABLE_2[size][query][method][TABLE_2_K.index(k)]
    return None if percent is None else percent / 100


def _from_table_1(
    method: str, space: str, repository: Modality, query: Modality, transformed: bool, size: Size
) -> float | None:
    representation, _, matcher = method.partition("+")
    rows = TABLE_1[size].get((matcher, representation))
    if rows is None:
        return None
    if not space:
        return rows["AB".index(repository)]["AB".index(query) * 2 + transformed]
    fake_repository, fake_query = repository != space, query != space
    return rows["AB".index(space) * 2 + fake_repository][fake_query * 2 + transformed]
