"""Folders -> folds: which pairs are trained on, which are asked, and which are searched."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crosslight.errors import InputError
from crosslight.read.image import image_signature
from crosslight.read.pair_sequence import PairReader, PairSequence
from crosslight.read.pairs import CACHE_BYTES, PairFolder, find_pairs
from crosslight.types import Progress

Patterns = tuple[str, str]
Files = Mapping[str, tuple[Path, Path]]
BENCHMARK = {"train": "TrainSet", "val": "Validation1Set", "test": "TestSet"}  # Zenodo 3874362
BENCHMARK_NAMES: Patterns = ("{id}_BF.tif", "{id}_SHG.tif")
REFERENCE, TURNED = re.compile(r"(.+)_R"), re.compile(r"(.+)_T")  # Zenodo 5557568
LEVEL = re.compile(r"patch_tlevel(\d+)")


@dataclass(frozen=True, eq=False, kw_only=True)
class Fold:
    """One way to divide the pairs, of which nothing has been read yet.

    Attributes
    ----------
    name : str
        "" where there is only one fold.
    files : mapping of str to (Path, Path)
        The two files (A, B) of every pair.
    parts : mapping of str to list of str
        Names of the pairs in "train", "val", "test" and "all".
    turned : mapping of str to (Path, Path)
        Transformed images that came with the test pairs, by the same names; empty where they are to be cut.
    """

    name: str
    files: Files
    parts: Mapping[str, Sequence[str]]
    reader: PairReader
    turned: Files
    turned_reader: PairReader | None = None

    def pairs(self, part: str) -> PairSequence:
        """Return the pairs of "train", "val", "test" or "all", read on access."""
        return PairSequence(self.parts[part], self.reader)

    def read_through(self, parts: Sequence[str], progress: Progress) -> None:
        """Read every image of some parts once, transformed ones of the test part too.

        Raises InputError at the first that cannot be used.
        """
        names = dict.fromkeys(name for part in parts for name in self.parts[part])
        for done, name in enumerate(names, start=1):
            self.reader.read(name)
            if self.turned_reader is not None and name in self.turned:
                self.turned_reader.read(name)
            progress(done, len(names), "reading all images once")

    def signatures(self, part: str) -> list[tuple[str, str, str]]:
        """Return (name, state of file A, state of file B) of each pair of a part."""
        return [(n, image_signature(self.files[n][0]), image_signature(self.files[n][1])) for n in self.parts[part]]

    def turned_signatures(self) -> list[tuple[str, str, str]]:
        """Return the same of the transformed images that came with the pairs."""
        return [(n, image_signature(a), image_signature(b)) for n, (a, b) in sorted(self.turned.items())]


def find_folds(
    a_dir: Path, b_dir: Path | None = None, *, split: Path | None = None, pattern: Patterns | None = None,
    turned_pattern: Patterns | None = None,
) -> list[Fold]:  # fmt: skip
    """Find the pairs of a data set, whatever its layout; see `docs/how-to/reproduce-the-paper.md`.

    Parameters
    ----------
    a_dir, b_dir : Path
        Two folders of aligned images. Without `b_dir`, `a_dir` holds either TrainSet, Validation1Set and TestSet, or
        folders fold1, fold2, ... with A/test, B/test and, where there is one, A/train, B/train.
    split : Path, optional
        CSV name,split; for two folders.
    pattern : tuple of str, optional
        Names of A and B, such as ``("{id}_BF.tif", "{id}_SHG.tif")``.
    turned_pattern : tuple of str, optional
        Names of transformed images in the same folders, which are then asked instead of windows cut here.

    Raises
    ------
    InputError
        If there is no pair, no pair to ask, or nothing of the layouts above.
    """
    if b_dir is not None:
        return [_from_split(find_pairs(a_dir, b_dir, split=split, pattern=pattern), a_dir, b_dir, turned_pattern)]
    if not a_dir.is_dir():
        raise InputError(f"{a_dir} is not a folder; check the name.")
    if split is not None:
        raise InputError(
            f"{a_dir} alone is read as a published benchmark, whose folders say what is trained on and asked; leave "
            "--split out, or give two folders of aligned images."
        )
    if (a_dir / BENCHMARK["test"]).is_dir():
        return [_from_benchmark(a_dir, pattern or BENCHMARK_NAMES, turned_pattern)]
    folders = sorted(p for p in a_dir.iterdir() if p.is_dir() and p.name.startswith("fold"))
    if folders:
        return _from_folds([_deepest_level(f) for f in folders], [f.name for f in folders])
    level = _deepest_level(a_dir)
    if (level / "A" / "test").is_dir():
        return _from_folds([level], [""])
    raise InputError(
        f"{a_dir} holds neither {BENCHMARK['test']} nor fold1 nor A/test; give two folders of aligned images and a "
        "--split, or the folder of one of the two published benchmarks."
    )


def _from_split(folder: PairFolder, a_dir: Path, b_dir: Path, turned_pattern: Patterns | None) -> Fold:
    parts = {part: folder.names(part) for part in ("train", "val", "test", "all")}
    if folder.split is None:
        parts = {"train": [], "val": [], "test": parts["all"], "all": parts["all"]}
    else:
        parts["all"] = [n for n in parts["all"] if n in folder.split]
    turned = {} if turned_pattern is None else find_pairs(a_dir, b_dir, pattern=turned_pattern).files
    return _make_fold("", folder.files, parts, turned)


def _from_benchmark(root: Path, pattern: Patterns, turned_pattern: Patterns | None) -> Fold:
    """Read the bright-field / second-harmonic benchmark: three folders, both kinds of image in each."""
    files: dict[str, tuple[Path, Path]] = {}
    parts: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for part, name in BENCHMARK.items():
        if (root / name).is_dir():
            found = find_pairs(root / name, root / name, pattern=pattern).files
            _add_files(files, found, root)
            parts[part] = list(found)
    parts["all"] = sorted(files)
    test = root / BENCHMARK["test"]
    turned = {} if turned_pattern is None else find_pairs(test, test, pattern=turned_pattern).files
    return _make_fold("", files, parts, turned)


def _deepest_level(folder: Path) -> Path:
    """Return the sub-folder with the largest displacements, patch_tlevel4, or the folder itself."""
    levels = {int(m[1]): p for p in folder.iterdir() if p.is_dir() and (m := LEVEL.fullmatch(p.name))}
    return levels[max(levels)] if levels else folder


def _from_folds(folders: Sequence[Path], names: Sequence[str]) -> list[Fold]:
    """Read the aerial benchmark: in each fold the others' test images are for training, unless it has its own."""
    tests = [_reference_and_turned(f, "test") for f in folders]
    folds = []
    for number, (folder, name) in enumerate(zip(folders, names, strict=True)):
        reference, turned = tests[number]
        has_own = (folder / "A" / "train").is_dir()
        others = [r for i, (r, _) in enumerate(tests) if i != number]
        files: dict[str, tuple[Path, Path]] = {}
        for found in [_reference_and_turned(folder, "train")[0]] if has_own else others:
            _add_files(files, found, folder)
        train = sorted(files)
        _add_files(files, reference, folder)
        parts = {"train": train, "val": [], "test": sorted(reference), "all": sorted(files)}
        folds.append(_make_fold(name, files, parts, turned))
    return folds


def _reference_and_turned(folder: Path, part: str) -> tuple[dict[str, tuple[Path, Path]], Files]:
    """Return the aligned pairs, and the transformed ones under the same names (NAME_R.png and NAME_T.png)."""
    found = find_pairs(folder / "A" / part, folder / "B" / part).files
    turned = {m[1]: paths for name, paths in found.items() if (m := TURNED.fullmatch(name))}
    reference = {m[1]: paths for name, paths in found.items() if (m := REFERENCE.fullmatch(name))}
    if not reference:
        return dict(found), {}
    return reference, {name: paths for name, paths in turned.items() if name in reference}


def _add_files(files: dict[str, tuple[Path, Path]], found: Files, root: Path) -> None:
    """Add pairs; raises InputError when a name comes twice, since a pair asked must not be one trained on."""
    twice = sorted(files.keys() & found.keys())
    if twice:
        raise InputError(f"The pair {twice[0]!r} is in two parts of {root}; leave one of them out.")
    files.update(found)


def _make_fold(name: str, files: Files, parts: Mapping[str, Sequence[str]], turned: Files) -> Fold:
    missing = sorted(set(parts["test"]) - turned.keys()) if turned else []
    if missing:
        raise InputError(f"There is no transformed image of the test pair {missing[0]!r}; check the name patterns.")
    return Fold(
        name=name,
        files=files,
        parts=parts,
        reader=PairReader(files, CACHE_BYTES),
        turned=turned,
        turned_reader=PairReader(turned, CACHE_BYTES) if turned else None,
    )
