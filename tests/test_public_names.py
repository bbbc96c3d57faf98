"""The names a user may import from crosslight."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import crosslight


def names_for_type_checkers() -> set[str]:
    """Return the names that the `if TYPE_CHECKING` block of the package imports."""
    tree = ast.parse(Path(crosslight.__file__).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("name", crosslight.__all__)
def test_public_name_imports(name: str) -> None:
    assert getattr(crosslight, name) is not None


@pytest.mark.parametrize("name", crosslight.__all__)
def test_public_name_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(crosslight, name))


def test_public_names_are_sorted_and_listed_once() -> None:
    assert crosslight.__all__ == sorted(set(crosslight.__all__))


def test_nothing_else_is_public() -> None:
    assert set(dir(crosslight)) == {*crosslight.__all__, "__version__"}


def test_type_checkers_see_the_same_names() -> None:
    assert names_for_type_checkers() == set(crosslight.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        crosslight.serch  # noqa: B018


def test_version_is_three_numbers() -> None:
    assert all(part.isdecimal() for part in crosslight.__version__.split("."))
    assert crosslight.__version__.count(".") == 2
