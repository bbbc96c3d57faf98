"""What a report tells of: what was compared and how, and the tables of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crosslight.evaluate.cells import Results
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.methods import Method
from crosslight.evaluate.metrics import TOP_K, shown_ks
from crosslight.evaluate.protocol import EvaluateConfig
from crosslight.evaluate.queries import Size
from crosslight.evaluate.tables import Labels, ResultTable, make_table_1, make_table_2, make_table_3

SIZE_NAMES = {"full": "Whole images", "patch": "Patches"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Story:
    """What was compared, and how."""

    folds: Sequence[Fold]
    methods: Sequence[Method]
    config: EvaluateConfig
    labels: Labels
    command: str = ""

    @property
    def n_queries(self) -> int:
        """Number of pairs asked, over all folds."""
        return sum(len(f.parts[self.config.part]) for f in self.folds)

    @property
    def n_images(self) -> int:
        """Number of images in the smallest repository."""
        return min(len(f.parts[self.config.searched]) for f in self.folds)

    @property
    def ks(self) -> list[int]:
        """The k of Acc@k that are shown."""
        return shown_ks(self.n_images)

    @property
    def left_out(self) -> str:
        """The k of the paper that are not shown, in words; "" where all are."""
        missing = [f"Acc@{k}" for k in TOP_K if k not in self.ks]
        return " and ".join([", ".join(missing[:-1]), missing[-1]] if len(missing) > 1 else missing)


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """One table of the page: for whole images or patches, and for one k where there are several."""

    size: Size
    table: ResultTable
    k: int = 0

    @property
    def size_name(self) -> str:
        """The size in words."""
        return SIZE_NAMES[self.size]


def make_tables(story: Story, results: Results) -> dict[str, list[Shown]]:
    """Return the paper's tables by name: table1 for every k, table2, and table3 for every k."""
    m, labels, ks = story.methods, story.labels, story.ks
    made: dict[str, list[Shown]] = {"table1": [], "table2": [], "table3": []}
    for size in story.config.sizes:
        for k in ks:
            for name, make in (("table1", make_table_1), ("table3", make_table_3)):
                if (table := make(results, m, labels, size, k)) is not None:
                    made[name].append(Shown(size=size, table=table, k=k))
        if (table := make_table_2(results, m, labels, size, ks)) is not None:
            made["table2"].append(Shown(size=size, table=table))
    return made
