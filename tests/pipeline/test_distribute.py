"""Indexing on a Dask cluster: the same index as in one process, whatever happens to the workers."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import numpy as np
import pytest
from rest_server import serve

import crosslight
from crosslight.errors import ClusterError, ConfigError, InputError
from crosslight.pipeline.distribute import gather_team, split_jobs

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """Return a cluster of two worker processes, which are started again when they die."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


def contents(folder: Path) -> dict[str, tuple[object, list[int], np.ndarray]]:
    """Return everything that an index's store holds, by name."""
    with crosslight.Index.open(folder) as index:
        pages = [
            (e, v) for entries, vectors, _ in index.store.contents() for e, v in zip(entries, vectors, strict=True)
        ]
    found = {}
    for entry, vector in pages:
        order = np.argsort(vector.words)
        found[entry.name] = (entry, vector.words[order].tolist(), vector.counts[order])
    assert len(found) == len(pages)
    return found


def assert_same_index(one: Path, other: Path) -> None:
    a, b = contents(one), contents(other)
    assert list(sorted(a)) == list(sorted(b)) and len(a) == 10
    for name, (entry, words, weights) in a.items():
        assert b[name][:2] == (entry, words)
        np.testing.assert_array_equal(b[name][2], weights)
    files = [
        {p.relative_to(root): p.read_bytes() for p in (root / "images").rglob("*") if p.suffix in (".npy", ".discs")}
        for root in (one, other)
    ]
    assert files[0] == files[1] and len(files[0]) == 20


def test_a_cluster_builds_the_same_index_though_a_worker_is_killed(
    folders: Path, model_folder: Path, index_folder: Path, tmp_path: Path, client: distributed.Client
) -> None:
    out = tmp_path / "index"
    before = set(client.run(os.getpid).values())
    killed = threading.Event()

    def kill_one() -> None:  # as soon as the first image has been written
        while not any(out.glob("images/*/*.json")):
            time.sleep(0.002)
        os.kill(min(before), signal.SIGKILL)
        killed.set()

    thread = threading.Thread(target=kill_one)
    thread.start()
    with crosslight.Index.build(
        [folders / "A"], model_folder, modality="A", out=out, scheduler=client, device="cpu"
    ) as index:
        assert index.last_change == "indexed 10"
    thread.join()
    assert killed.is_set()
    client.wait_for_workers(2, timeout=60)
    assert set(client.run(os.getpid).values()) != before
    assert_same_index(out, index_folder)


def test_workers_write_to_the_server_themselves_and_pass_over_a_bad_image(
    folders: Path, model_folder: Path, index_folder: Path, tmp_path: Path, client: distributed.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out, bad = tmp_path / "index", tmp_path / "bad.png"
    bad.write_bytes((folders / "A" / "image1.png").read_bytes()[:500])
    told: dict[str, InputError] = {}
    with serve() as server:
        with crosslight.Index.build(
            [bad, folders / "A"], model_folder, modality="A", out=out, store=server.url, scheduler=client,
            device="cpu", on_skipped=told.__setitem__,
        ) as index:  # fmt: skip
            assert index.count() == 10 and index.last_change == "indexed 10, skipped 1"
            assert list(told) == [str(bad)] and "bad.png" in str(told[str(bad)])
        assert_same_index(out, index_folder)
        more = [tmp_path / "more1.png", tmp_path / "more2.png"]
        for path in more:
            shutil.copyfile(folders / "A" / "image1.png", path)
        told.clear()
        with crosslight.Index.open(out) as index:  # which has its words: workers represent, count and write in one go
            monkeypatch.setattr(index.store, "add", None)  # not from here
            assert index.add([bad, *more], scheduler=client, on_skipped=told.__setitem__) == 2
            assert index.count() == 12 and list(told) == [str(bad)]


def test_a_bad_image_is_named_and_what_was_finished_is_kept(
    folders: Path, index_folder: Path, tmp_path: Path, client: distributed.Client
) -> None:
    own = Path(shutil.copytree(index_folder, tmp_path / "index"))
    shutil.copytree(folders / "A", tmp_path / "A")
    for i in range(4):
        (tmp_path / "A" / f"image{i}.png").rename(tmp_path / "A" / f"more{i}.png")
    (tmp_path / "A" / "zz.png").write_bytes(b"not an image")
    with crosslight.Index.open(own) as index:
        with pytest.raises(InputError, match=r"zz\.png"):
            index.add([tmp_path / "A"], scheduler=client)
        skipped: dict[str, InputError] = {}
        index.add([tmp_path / "A"], scheduler=client, on_skipped=skipped.__setitem__)
        assert index.count() == 14 and list(skipped) == [str(tmp_path / "A" / "zz.png")]


@pytest.mark.slow
def test_workers_of_this_machine_are_started_and_stopped(
    folders: Path, model_folder: Path, index_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "index"
    crosslight.Index.build([folders / "A"], model_folder, modality="A", out=out, workers=1, device="cpu").close()
    assert_same_index(out, index_folder)


def test_no_scheduler_at_the_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosslight.pipeline.distribute.CONNECT_S", 0.3)
    with (
        pytest.raises(ClusterError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9") as caught,
        gather_team(None, "tcp://127.0.0.1:9", batch=1),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_workers_and_scheduler_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="give one"), gather_team(2, "tcp://127.0.0.1:9", batch=1):
        pass
    with pytest.raises(ConfigError, match="at least 1"), gather_team(0, None, batch=1):
        pass


def test_batches_hold_every_job_once() -> None:
    assert [list(b) for b in split_jobs(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(split_jobs([], 3)) == []
