"""What is asked of every method: the settings of a comparison and the cells they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from crosslight.config import AlignConfig, DescribeConfig, IndexConfig, VocabularyConfig
from crosslight.errors import ConfigError
from crosslight.evaluate.cells import Cell
from crosslight.evaluate.folds import Fold
from crosslight.evaluate.methods import ALIGN, DISCS, TRANSLATIONS, Method
from crosslight.evaluate.queries import SIZES, QueryConfig, QueryKind, Size
from crosslight.settings import to_dict
from crosslight.types import MODALITIES

PAPER_WORDS = VocabularyConfig(n_words=20_000, descriptors_per_word=1, max_descriptors=200_000)
PATCH_WORDS = replace(IndexConfig().patches, descriptors_per_word=1)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Settings of a comparison.

    Attributes
    ----------
    part : str
        Which pairs are asked: "test" or "val".
    repository : str
        What is searched: "test" (the images of `part`, as in the paper) or "all".
    sizes : tuple of str
        "full", "patch" or both.
    queries : QueryConfig
        How windows are cut.
    words, patches : VocabularyConfig
        The bag of words of a repository, and the one made anew for each query when patches are re-ranked.
    align : AlignConfig
        Our re-ranking.
    preset, steps, minutes, device, seed
        Of what is trained within the run.
    """

    part: Literal["test", "val"] = "test"
    repository: Literal["test", "all"] = "test"
    sizes: tuple[Size, ...] = SIZES
    queries: QueryConfig = field(default_factory=QueryConfig)
    words: VocabularyConfig = PAPER_WORDS
    patches: VocabularyConfig = PATCH_WORDS
    align: AlignConfig = field(default_factory=AlignConfig)
    preset: str = "default"
    steps: int | None = None
    minutes: float | None = None
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.part not in ("test", "val"):
            raise ConfigError(f"part is {self.part!r}; use 'test' or 'val'.")
        if self.repository not in ("test", "all"):
            raise ConfigError(f"repository is {self.repository!r}; use 'test' (the images asked) or 'all'.")
        if self.minutes is not None and self.minutes <= 0:
            raise ConfigError(f"minutes is {self.minutes:g}; use a positive number.")
        if not self.sizes or not set(self.sizes) <= set(SIZES):
            raise ConfigError(f"sizes is {self.sizes!r}; use 'full', 'patch' or both.")

    @property
    def searched(self) -> str:
        """The part of a fold that makes the repository."""
        return "all" if self.repository == "all" else self.part


def list_cells(method: Method, fold: Fold, config: EvaluateConfig) -> Iterator[Cell]:
    """Yield every cell of a row, those of one repository after each other."""
    spaces: Sequence[str] = MODALITIES if method.representation in TRANSLATIONS else ("",)
    for space in spaces:
        for repository in MODALITIES:
            for size in config.sizes:
                for modality in MODALITIES:
                    for transformed in (False, True):
                        kind = QueryKind(modality=modality, transformed=transformed, size=size)
                        cell = Cell(fold=fold.name, method=method.name, space=space, repository=repository, kind=kind)
                        if cell.is_cross or not method.cross_only:
                            yield cell


def cell_inputs(
    cell: Cell, method: Method, fold: Fold, config: EvaluateConfig, representation: object, baseline: object = None
) -> Any:
    """Return all that a cell's figure depends on besides its place, as plain values to be hashed.

    `representation` says how the representation was made, by a fingerprint or the settings of a training; `baseline`
    how a whole method is set.
    """
    uses: dict[str, object] = {
        "asked": fold.signatures(config.part),
        "searched": fold.signatures(config.searched),
        "representation": representation,
        "seed": config.seed,
    }
    if cell.kind.transformed or cell.kind.size == "patch":
        uses["queries"] = to_dict(config.queries)
        uses["turned"] = fold.turned_signatures() if cell.kind.transformed else []
    if method.representation and not method.is_whole and method.matcher not in (ALIGN, DISCS):
        uses["words"] = [to_dict(config.words), to_dict(describe_config(method.matcher))]
    if method.rerank == "patches":
        uses["patches"] = [to_dict(config.patches), to_dict(describe_config(method.patch_describer))]
    if method.rerank == "align" or method.matcher in (ALIGN, DISCS):
        uses["align"] = to_dict(config.align)
    if method.is_whole:
        uses["method"] = baseline
        uses["trained on"] = fold.signatures("train")
    return uses


def describe_config(matcher: str) -> DescribeConfig:
    """Return how a describer of the registry is set: the paper's grid and sizes, which are the defaults."""
    return DescribeConfig(name=matcher)
