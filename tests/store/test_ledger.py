"""The count that tells lost images."""

from pathlib import Path

import pytest

from crosslight.errors import IndexCorruptError
from crosslight.store.ledger import Ledger


def test_a_new_folder_must_be_empty(tmp_path: Path) -> None:
    Ledger(tmp_path).check(0)
    with pytest.raises(IndexCorruptError, match="holds 3 images where 0 were written"):
        Ledger(tmp_path).check(3)


@pytest.mark.parametrize(("before", "after"), [(10, 14), (14, 10)])
def test_a_change_that_was_cut_off_may_have_ended_anywhere_between(tmp_path: Path, before: int, after: int) -> None:
    Ledger(tmp_path).announce(before, after)
    for count in (10, 12, 14):
        Ledger(tmp_path).check(count)
    for count in (9, 15):
        with pytest.raises(IndexCorruptError, match=f"holds {count} images where 10 to 14 were written"):
            Ledger(tmp_path).check(count)


@pytest.mark.parametrize("text", ["", "[1]", "{}", "[1, null]", "é"])
def test_an_unreadable_count_is_called_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "count.json").write_text(text, encoding="utf-8")
    with pytest.raises(IndexCorruptError, match=r"count\.json cannot be read"):
        Ledger(tmp_path).check(1)
