"""What was computed by other code is not taken for a result of this one."""

import ast
from pathlib import Path

import pytest

from crosslight.evaluate import cells, sources
from crosslight.evaluate.sources import COMPUTING, PACKAGE, SHOWING, TRAINING, digest_source

# words, pictures, and what validation pairs decide, which a comparison does not train with
UNHEEDED = ("errors.py", "progress.py", "show/", "__init__.py", "pipeline/calibrate.py", "pipeline/choices.py")


def matches(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(f"{part.rstrip('/')}/") for part in parts)


def imported(path: Path) -> set[str]:
    """Return the package's files that a file imports from, anywhere in it."""
    nodes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.ImportFrom)]
    modules = {n.module for n in nodes if n.module and n.module.split(".")[0] == "crosslight"}
    stems = [PACKAGE.joinpath(*m.split(".")[1:]) for m in modules]
    files = [s / "__init__.py" if s.is_dir() else s.with_suffix(".py") for s in stems]
    return {f.relative_to(PACKAGE).as_posix() for f in files}


@pytest.mark.parametrize("parts", [TRAINING, COMPUTING])
def test_whatever_a_digested_file_imports_is_digested_too(parts: tuple[str, ...]) -> None:
    files = [p for p in PACKAGE.rglob("*.py") if matches(p.relative_to(PACKAGE).as_posix(), parts)]
    digested = [p for p in files if p.relative_to(PACKAGE).as_posix() not in SHOWING]
    assert len(digested) > 20
    missing = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in digested
        for name in imported(path)
        if not matches(name, (*parts, *UNHEEDED)) and path.name != "registry.py"
    }
    assert missing == set()


def test_a_digest_changes_with_a_file_of_its_parts_and_with_no_other(tmp_path: Path) -> None:
    for name in ("read/image.py", "read/deep/tiff.py", "types.py", "web.py", "read/shown.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def digest() -> str:
        return digest_source(tmp_path, ("read", "types.py"), without=("read/shown.py",))

    first = digest()
    (tmp_path / "web.py").write_text("other")
    (tmp_path / "read/shown.py").write_text("other")
    assert digest() == first
    (tmp_path / "read/deep/tiff.py").write_text("other")
    assert digest() != first
    second = digest()
    (tmp_path / "types.py").rename(tmp_path / "read/types.py")
    (tmp_path / "types.py").write_text("")
    assert digest() not in (first, second)


def test_every_part_is_there() -> None:
    assert [name for name in (*COMPUTING, *SHOWING) if not (PACKAGE / name).exists()] == []
    assert sources.digest_training() != sources.digest_computing()
    assert cells.digest_computing is sources.digest_computing
