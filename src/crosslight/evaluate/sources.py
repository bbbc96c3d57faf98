"""Digests of this package's own source: what was computed by other code is not taken for a result of this one.

Any change of a file counts, even of a comment; methods that other packages register are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
TRAINING = (  # what trained networks and the representations that they make depend on
    "config.py", "geometry.py", "kinds.py", "registry.py", "settings.py", "types.py", "read", "represent",
    *(f"pipeline/{name}.py" for name in ("contrast", "fit", "models", "recipe", "translate")),
)  # fmt: skip
SHOWING = tuple(  # what reads finished cells; it may change without making them anew
    f"evaluate/{name}.py"
    for name in (
        *("compare", "findings", "page", "pictures", "plots", "published", "report", "story", "summary"),
        *("table_files", "tables", "words"),
    )
)
COMPUTING = (*TRAINING, "describe", "encode", "rerank", "pipeline/shortlist.py", "baselines", "evaluate")


@cache
def digest_training(package: Path = PACKAGE) -> str:
    """Return a digest of the source that trained networks depend on."""
    return digest_source(package, TRAINING)


@cache
def digest_computing(package: Path = PACKAGE) -> str:
    """Return a digest of the source that the figures of a comparison depend on."""
    return digest_source(package, COMPUTING, SHOWING)


def digest_source(package: Path, parts: Sequence[str], without: Sequence[str] = ()) -> str:
    """Return a short digest of the names and contents of the Python files of some parts of a package.

    Parameters
    ----------
    package : Path
        Folder of the package.
    parts, without : sequence of str
        Files and folders in it, such as "types.py" or "read"; files that are left out.
    """
    digest = hashlib.blake2b(digest_size=10)
    for path in _list_files(package, parts):
        name = path.relative_to(package).as_posix()
        if name not in without:
            digest.update(f"{name}\0".encode() + hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def _list_files(package: Path, parts: Sequence[str]) -> Iterator[Path]:
    for part in sorted(parts):
        path = package / part
        yield from sorted(path.rglob("*.py")) if path.is_dir() else (path,)
