"""The server store: what is said when no server answers, refuses, or has no such collection."""

import socket
import sys
from importlib import import_module

import numpy as np
import pytest
from rest_server import serve

from crosslight.errors import IndexCorruptError, MissingDependencyError, StoreUnavailableError
from crosslight.store.qdrant import QdrantStore
from crosslight.types import Entry, Histogram


def entry(name: str) -> Entry:
    return Entry(name=name, path=name, height_px=16, width_px=16)


def one_word(word: int) -> Histogram:
    return Histogram(words=np.array([word], np.int32), counts=np.array([1], np.float32))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_server_at_the_address_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailableError, match=f"No Qdrant server answers at {url}") as caught:
        QdrantStore(url, "any")
    assert "\n" not in str(caught.value)


def test_a_server_that_stops_in_between_is_one_sentence() -> None:
    with serve() as server:
        store = QdrantStore(server.url, "c")
        store.add([entry("a")], [one_word(1)])
        server.refuse_after = 0
        with pytest.raises(StoreUnavailableError, match=r"refuses .*not ready") as caught:
            store.add([entry("b")], [one_word(1)])
    assert "\n" not in str(caught.value)
    store.close()


def test_a_missing_or_wrong_key_names_the_variable_and_the_right_one_is_let_in() -> None:
    with serve(api_key="right") as server:
        for key in (None, "wrong"):
            with pytest.raises(StoreUnavailableError, match="QDRANT_API_KEY") as caught:
                QdrantStore(server.url, "c", api_key=key)
            assert "wrong" not in str(caught.value)
        store = QdrantStore(server.url, "c", api_key="right")
        assert store.count() == 0
        store.close()


def test_a_key_sent_without_encryption_to_another_machine_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreUnavailableError):
        QdrantStore("http://no-such-host.invalid:6333", "c", api_key="secret")
    assert "without encryption" in caplog.text and "secret" not in caplog.text


def test_a_collection_that_is_not_there_is_not_made_unless_asked() -> None:
    with serve() as server:
        with pytest.raises(IndexCorruptError, match="has no collection 'gone'"):
            QdrantStore(server.url, "gone", create=False)
        assert not server.engine.collection_exists("gone")


def test_two_stores_on_one_collection_see_the_same() -> None:
    with serve() as server:
        one, two = QdrantStore(server.url, "c"), QdrantStore(server.url, "c")
        one.add([entry("a")], [one_word(1)])
        two.add([entry("b"), entry("a")], [one_word(1), one_word(2)])
        assert one.search(one_word(1), 5) == [("b", 1.0)]
        assert one.count() == two.count() == 2
        one.close()
        two.close()


def test_closing_twice_is_harmless_and_using_it_afterwards_is_refused() -> None:
    store = QdrantStore(":memory:", "c")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailableError, match="was closed"):
        store.count()


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    monkeypatch.delitem(sys.modules, "crosslight.store.qdrant")
    with pytest.raises(MissingDependencyError, match=r"crosslight\[server\]"):
        import_module("crosslight.store.qdrant")
