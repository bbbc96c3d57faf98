"""Which files of two folders are pairs, and which pairs are for what."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crosslight.errors import ConfigError, InputError, say_cause, say_count
from crosslight.read.image import check_stems, list_folder
from crosslight.read.pair_sequence import PairReader, PairSequence

Part = Literal["train", "val", "test", "all"]
SPLITS = ("train", "val", "test")
N_NAMED = 3  # names in a message
CACHE_BYTES = 2**30
ID = "{id}"


@dataclass(frozen=True, eq=False, kw_only=True)
class PairFolder:
    """Pairs by name, of which nothing has been read yet.

    Attributes
    ----------
    files : mapping of str to (Path, Path)
        The two files (A, B) by pair name, sorted by name.
    split : mapping of str to str, or None
        "train", "val" or "test" by pair name; None where no split was given.
    reader : PairReader
        What all parts share: images in memory, and the numbers of channels seen.
    """

    files: Mapping[str, tuple[Path, Path]]
    split: Mapping[str, str] | None
    reader: PairReader

    @property
    def n_unused(self) -> int:
        """Number of pairs that the split does not list."""
        return 0 if self.split is None else len(self.files.keys() - self.split.keys())

    def names(self, part: Part) -> list[str]:
        """Return the names of one part, sorted; see `part`."""
        if part not in (*SPLITS, "all"):
            raise ConfigError(f"There is no part called {part!r}; use 'train', 'val', 'test' or 'all'.")
        if part == "all" or (part == "train" and self.split is None):
            return list(self.files)
        split = self.split or {}
        return [name for name in self.files if split.get(name) == part]

    def part(self, part: Part) -> PairSequence:
        """Return the pairs of one part, read on access.

        Without a split every pair is train, and val and test are empty. "all" is every pair, listed or not.
        """
        return PairSequence(self.names(part), self.reader)


def find_pairs(
    a_dir: Path | str,
    b_dir: Path | str,
    *,
    split: Path | str | None = None,
    pattern: tuple[str, str] | None = None,
    cache_bytes: int = CACHE_BYTES,
) -> PairFolder:
    """Match the images of two folders by name, opening none of them.

    Parameters
    ----------
    a_dir, b_dir : Path
        Folders of modality A and B; sub-folders are not looked into.
    split : Path, optional
        CSV with the columns name,split (train, val or test). Pairs it does not list are left out and counted.
    pattern : tuple of str, optional
        Names of A and B such as ``("{id}_BF.tif", "{id}_SHG.tif")``, for other names than equal stems; both folders
        may then be the same, and files that do not fit are passed over. What stands for ``{id}`` names the pair.
    cache_bytes : int
        How much memory the images read last may keep.

    Raises
    ------
    InputError
        If a folder cannot be read or holds no image, an image has no partner, or the split does not fit the images.
    ConfigError
        If a pattern cannot be used.
    """
    a_dir, b_dir = Path(a_dir), Path(b_dir)
    patterns = pattern if pattern is not None else (None, None)
    if a_dir.resolve() == b_dir.resolve() and patterns[0] == patterns[1]:
        raise InputError(
            f"{a_dir} is given for both kinds of image; give two folders, or two name patterns such as "
            "'{id}_BF.tif' '{id}_SHG.tif'."
        )
    side_a, side_b = _find_names(a_dir, patterns[0]), _find_names(b_dir, patterns[1])
    _check_partners(side_a, side_b, a_dir, b_dir)
    files = {name: (side_a[name], side_b[name]) for name in sorted(side_a)}
    table = None if split is None else _read_split(Path(split), files)
    return PairFolder(files=files, split=table, reader=PairReader(files, cache_bytes))


def _find_names(folder: Path, pattern: str | None) -> dict[str, Path]:
    """Return the files of one side by pair name."""
    files = list_folder(folder)
    if pattern is None:
        check_stems(files)
        return {file.stem: file for file in files}
    if pattern.count(ID) != 1:
        raise ConfigError(f"The name pattern {pattern!r} needs {ID} exactly once, as in '{ID}_BF.tif'.")
    before, after = map(re.escape, pattern.split(ID))
    matches = [(re.fullmatch(f"{before}(.+){after}", file.name), file) for file in files]
    found = {match[1]: file for match, file in matches if match}
    if not found:
        raise InputError(
            f"No image in {folder} fits the name pattern {pattern!r}; it holds {_some([f.name for f in files])}."
        )
    return found


def _check_partners(side_a: Collection[str], side_b: Collection[str], a_dir: Path, b_dir: Path) -> None:
    only_a, only_b = sorted(set(side_a) - set(side_b)), sorted(set(side_b) - set(side_a))
    reasons = [
        f"{len(names)} of {folder} ({_some(names)})" for names, folder in ((only_a, a_dir), (only_b, b_dir)) if names
    ]
    if reasons:
        raise InputError(
            f"Some images have no partner of the same name in the other folder: {' and '.join(reasons)}; rename or "
            "move them away, or give the name patterns of both kinds."
        )


def _read_split(path: Path, known: Collection[str]) -> dict[str, str]:
    """Return "train", "val" or "test" by pair name."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = [c.strip() for c in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The split {path} cannot be read ({say_cause(error)}); give a UTF-8 CSV.") from error
    if not {"name", "split"} <= set(columns):
        there = ", ".join(columns) or "none"
        raise InputError(f"The split {path} needs the columns name,split; it has: {there}.")
    table: dict[str, str] = {}
    for line, row in rows:
        name, part = ((row[column] or "").strip() for column in ("name", "split"))
        if not name or part not in SPLITS:
            raise InputError(
                f"Line {line} of the split {path} has name {name!r} and split {part!r}; a line needs the name of a "
                "pair and one of train, val, test."
            )
        if name in table:
            raise InputError(f"The split {path} lists {name!r} twice (again in line {line}); keep one line per pair.")
        table[name] = part
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise InputError(
            f"The split {path} lists {say_count(len(unknown), 'pair')} that the folders do not hold: {_some(unknown)}. "
            f"Names are file names without their ending, such as {min(known)!r}; correct or remove these lines."
        )
    return table


def _some(names: Sequence[str]) -> str:
    """Return the first few names."""
    return ", ".join(names[:N_NAMED]) + (", ..." if len(names) > N_NAMED else "")
