"""One figure of a table with all that is behind it, kept on disk under a hash of what it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crosslight.encode.statistics import WordStatistics
from crosslight.evaluate.metrics import Estimate, estimate_success
from crosslight.evaluate.queries import QueryKind
from crosslight.evaluate.sources import digest_computing
from crosslight.types import Modality

Spot = tuple[float, float, float]  # centre x, y in the repository image, and angle in degrees
FORMAT_VERSION = 1
N_KEPT = 30  # hits kept of each query, for pictures and for whoever reads the files


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Where a figure stands: which method, asked with what, in which repository.

    `space` is "" where both modalities share one representation; of a translation it says which modality everything
    looks like, "A" or "B". A repository of modality B in space A is the paper's "fake" A.
    """

    fold: str
    method: str
    space: str
    repository: Modality
    kind: QueryKind

    @property
    def is_cross(self) -> bool:
        """Whether the query is of the other modality than the repository."""
        return self.kind.modality != self.repository

    @property
    def label(self) -> str:
        """What a progress bar says."""
        turned = "(T)" if self.kind.transformed else ""
        where = f" as {self.space}" if self.space else ""
        return f"{self.method} {self.kind.size} {self.kind.modality}{turned} in {self.repository}{where}"


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """All answers of one cell.

    Attributes
    ----------
    cell : Cell
        Where it stands.
    images : sequence of str
        Names in the repository.
    queries : sequence of str
        Names asked; each is also the name of its true image.
    ranks : sequence of int
        Rank of the true image, by query.
    top : sequence of sequences of int
        The best hits as numbers in `images`, by query.
    similarities : sequence of sequences of float or None
        Of these hits; None where the query does not fit.
    places : sequence of sequences of (x, y, angle_deg), or None
        Where the query lies in these hits, if the method says so.
    seconds : float
        Per query, from pixels to ranking.
    prepare_s : float
        For the whole repository, before the first query.
    peak_bytes : int
        Most memory the process held meanwhile.
    grown_bytes : int
        By how much that is more than before the method was prepared; 0 where it is not known.
    words : WordStatistics, optional
        Of a bag of words: how its words are spread over the repository.
    """

    cell: Cell
    images: Sequence[str]
    queries: Sequence[str]
    ranks: Sequence[int]
    top: Sequence[Sequence[int]]
    similarities: Sequence[Sequence[float | None]]
    places: Sequence[Sequence[Spot | None]] | None = None
    seconds: float = 0.0
    prepare_s: float = 0.0
    peak_bytes: int = 0
    grown_bytes: int = 0
    words: WordStatistics | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything a run found: finished cells; by method, why others are empty, and what else is to be said."""

    results: Sequence[CellResult] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def find(self, **wanted: Any) -> list[CellResult]:
        """Return the results whose cell or kind has all these values, such as ``method="comir+surf", size="full"``."""
        return [r for r in self.results if all(_value(r.cell, key) == value for key, value in wanted.items())]


def estimate_cells(results: Sequence[CellResult], k: int) -> Estimate | None:
    """Return Acc@k over cells (folds, directions) that count the same; None where there is none."""
    if not results:
        return None
    n_pairs = len({(r.cell.fold, name) for r in results for name in r.queries})
    return estimate_success([r.ranks for r in results], k, n_pairs)


def _value(cell: Cell, key: str) -> Any:
    return getattr(cell, key) if hasattr(cell, key) else getattr(cell.kind, key)


class CellCache:
    """Finished cells as JSON files, named by a hash of everything they depend on, this package's source included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, cell: Cell, inputs: object) -> str:
        """Return the name for a cell with these inputs (nested dicts, lists, strings and numbers)."""
        return hash_inputs(
            {"cell": asdict(cell), "inputs": inputs, "source": digest_computing(), "format": FORMAT_VERSION}
        )

    def read(self, key: str) -> CellResult | None:
        """Return what was found before; None where there is nothing, or a damaged file."""
        try:
            record = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            cell, words = record.pop("cell"), record.pop("words", None)
            if words is not None:
                words = WordStatistics(**{**words, "images_per_word": tuple(words["images_per_word"])})
            return CellResult(cell=Cell(**{**cell, "kind": QueryKind(**cell["kind"])}), words=words, **record)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, key: str, result: CellResult) -> None:
        """Keep a finished cell; a kill leaves all of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{key}.part"
        temporary.write_text(json.dumps(asdict(result)), encoding="utf-8")
        temporary.replace(self.folder / f"{key}.json")


def hash_inputs(inputs: object) -> str:
    """Return a short hash of anything JSON can hold."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
