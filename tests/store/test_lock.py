"""One writer per folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosslight.errors import StoreUnavailableError
from crosslight.store.lock import note_change, write_lock

HOLDER = (
    "import sys, time; from pathlib import Path; from crosslight.store.lock import write_lock\n"
    "with write_lock(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
)


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    message = f"Process {os.getpid()} is writing to"
    with write_lock(tmp_path), pytest.raises(StoreUnavailableError, match=message), write_lock(tmp_path):
        pass
    with write_lock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreUnavailableError, match=f"Process {holder.pid} is writing to"), write_lock(tmp_path):
            pass
        holder.kill()
    with write_lock(tmp_path):
        pass


def test_an_error_within_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(KeyError), write_lock(tmp_path):
        raise KeyError
    with write_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnavailableError, match="cannot be written"), write_lock(tmp_path / "file"):
        pass


def test_a_change_that_did_not_end_is_noticed_by_the_next(tmp_path: Path) -> None:
    with note_change(tmp_path) as was_stopped:
        assert not was_stopped
    with pytest.raises(KeyError), note_change(tmp_path) as was_stopped:
        assert not was_stopped
        raise KeyError
    with note_change(tmp_path) as was_stopped:
        assert was_stopped
    with note_change(tmp_path) as was_stopped:
        assert not was_stopped
