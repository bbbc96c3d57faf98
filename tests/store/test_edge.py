"""The embedded store: what survives kills, damage, other processes and a full disk."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crosslight.errors import IndexCorruptError, StoreUnavailableError
from crosslight.store import shard
from crosslight.store.edge import EdgeStore
from crosslight.types import Entry, Histogram

WRITER = """
import sys
from pathlib import Path
import numpy as np
from crosslight.store.edge import EdgeStore
from crosslight.types import Entry, Histogram

store, start = EdgeStore(Path(sys.argv[1])), int(sys.argv[2])
for first in range(start, start + 100_000, 8):
    names = [f"{i:06d}" for i in range(first, first + 8)]
    entries = [Entry(name=n, path=n, height_px=16, width_px=16) for n in names]
    # A word of its own for each image and one for all; the batch before is written a second time.
    words = [np.array([0, int(n) + 1], np.int32) for n in names]
    vectors = [Histogram(words=w, counts=np.array([0.6, 0.8], np.float32)) for w in words]
    store.add(entries, vectors)
    store.add(entries[:4], vectors[:4])
    print(names[-1], flush=True)
"""


def entry(name: str) -> Entry:
    return Entry(name=name, path=name, height_px=16, width_px=16)


def one_word(word: int) -> Histogram:
    return Histogram(words=np.array([word], np.int32), counts=np.array([1], np.float32))


def write_some(folder: Path, n_images: int = 20) -> None:
    store = EdgeStore(folder)
    store.add([entry(f"{i:03d}") for i in range(n_images)], [one_word(i) for i in range(n_images)])
    store.close()


def test_what_was_added_is_there_after_reopening(tmp_path: Path) -> None:
    write_some(tmp_path / "store")
    store = EdgeStore(tmp_path / "store")
    assert store.entries() == [entry(f"{i:03d}") for i in range(20)]
    assert store.search(one_word(7), 3) == [("007", 1.0)]
    store.close()


def test_killed_again_and_again_it_loses_no_acknowledged_image_and_doubles_none(tmp_path: Path) -> None:
    rng, acknowledged = random.Random(0), -1
    for _ in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "store"), str(acknowledged + 1)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(rng.randint(1, 6)):
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        acknowledged = int(rest[-1]) if rest else acknowledged

        store = EdgeStore(tmp_path / "store")
        names = [e.name for e in store.entries()]
        assert len(names) == len(set(names)) == store.count()
        assert set(names) >= {f"{i:06d}" for i in range(acknowledged + 1)}
        assert len(store.search(one_word(0), len(names) + 5)) == len(names)
        for name in names:
            assert store.search(one_word(int(name) + 1), 5) == [(name, pytest.approx(0.8))]
        store.close()


def test_a_kill_while_it_is_made_leaves_none(tmp_path: Path) -> None:
    unfinished = tmp_path / "store" / "shard.new"
    unfinished.mkdir(parents=True)
    (unfinished / "edge_config.json").write_text("{")
    store = EdgeStore(tmp_path / "store")
    assert store.count() == 0
    store.close()


def test_a_second_opening_is_refused_in_one_sentence(tmp_path: Path) -> None:
    first = EdgeStore(tmp_path / "store")
    with pytest.raises(StoreUnavailableError, match="is open in another process"):
        EdgeStore(tmp_path / "store", wait_s=0)
    first.close()
    EdgeStore(tmp_path / "store", wait_s=0).close()


def test_a_second_opening_waits_for_the_first_to_close(tmp_path: Path) -> None:
    write_some(tmp_path / "store", 3)
    code = (
        "import sys, time; from pathlib import Path; from crosslight.store.edge import EdgeStore\n"
        "store = EdgeStore(Path(sys.argv[1])); print('open', flush=True); time.sleep(0.5); store.close()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        store = EdgeStore(tmp_path / "store", wait_s=30)
    assert store.count() == 3
    store.close()


def test_closing_twice_is_harmless_and_using_it_afterwards_is_refused(tmp_path: Path) -> None:
    store = EdgeStore(tmp_path / "store")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailableError, match="was closed"):
        store.count()


def test_a_moved_folder_opens(tmp_path: Path) -> None:
    write_some(tmp_path / "store", 3)
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    store = EdgeStore(tmp_path / "elsewhere")
    assert store.count() == 3
    store.close()


@pytest.mark.parametrize(
    "lost",
    [
        "shard",
        "shard/segments",
        "shard/segments/*/segment.json",
        "shard/segments/*/version.info",
        "shard/segments/*/mutable_id_tracker.mappings",
        "shard/segments/*/payload_storage/page_0.dat",
        "shard/segments/*/vector_storage-words/store/tracker.dat",
    ],
)
@pytest.mark.parametrize("lost_log", [False, True])
def test_a_folder_that_lost_a_file_is_called_damaged_or_restored_from_its_log(
    tmp_path: Path, lost: str, lost_log: bool
) -> None:
    write_some(tmp_path / "store")
    (path,) = (tmp_path / "store").glob(lost)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if lost_log:
        shutil.rmtree(tmp_path / "store" / "shard" / "wal", ignore_errors=True)
    try:
        store = EdgeStore(tmp_path / "store")
    except IndexCorruptError as error:
        assert "delete that folder and run the same `crosslight index` again" in str(error)
    else:
        assert not lost_log
        assert store.entries() == [entry(f"{i:03d}") for i in range(20)]
        store.close()


@pytest.mark.parametrize(
    "garbled", ["count.json", "shard/edge_config.json", "shard/wal/open-1", "shard/segments/*/segment.json"]
)
def test_a_garbled_file_is_called_damaged(tmp_path: Path, garbled: str) -> None:
    write_some(tmp_path / "store")
    (path,) = (tmp_path / "store").glob(garbled)
    path.write_bytes(b"\x07garbled" * 100)
    with pytest.raises(IndexCorruptError, match="run the same `crosslight index` again"):
        EdgeStore(tmp_path / "store")


def test_a_nearly_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore(tmp_path / "store")
    monkeypatch.setattr(shard, "RESERVE_BYTES", 2**62)
    with pytest.raises(StoreUnavailableError, match=r"nearly full.*free some space, then run the same command again"):
        store.add([entry("a")], [one_word(1)])
    assert store.count() == 0
    store.close()
    with pytest.raises(StoreUnavailableError, match="nearly full"):
        EdgeStore(tmp_path / "another")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(StoreUnavailableError, match=r"store.* cannot be written"):
        EdgeStore(tmp_path / "store")
