"""Writing in one step."""

import errno
import resource
from pathlib import Path

import pytest

from crosslight.errors import StoreUnavailableError
from crosslight.store.durable import describe_os_error, write_durably


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_a_refused_write_leaves_the_old_file_and_no_half(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # the system's own refusal, after some bytes
    try:
        with pytest.raises(StoreUnavailableError, match=r"file cannot be written .*then run the same command again"):
            write_durably(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "the disk is full; free some space"),
        (errno.EROFS, "no permission; make its folder writable"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_refusal_says_what_to_do(number: int, sentence: str) -> None:
    assert sentence in describe_os_error(OSError(number, "reason"), Path("file"))
