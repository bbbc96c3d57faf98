"""An index whose vectors are on a server: built, searched, changed and moved as one whose vectors are in its folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_server import RestServer, serve

import crosslight
from crosslight.errors import ConfigError, IndexCorruptError, IndexMismatchError, StoreUnavailableError
from crosslight.pipeline import stores
from crosslight.pipeline.stores import check_address


@pytest.fixture
def server() -> Iterator[RestServer]:
    with serve() as running:
        yield running


@pytest.fixture
def own(index_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of the index that a test may change."""
    return Path(shutil.copytree(index_folder, tmp_path / "index"))


class Answers:
    """What an index answers to a query; equal to about five decimals, since engines add up in different orders."""

    def __init__(self, folder: Path, query: Path) -> None:
        with crosslight.Index.open(folder) as index:
            rankings = [*index.search([query], shortlist=4), *index.search([query], rerank="none")]
        self.hits = [hit for ranking in rankings for hit in ranking.hits]

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Answers) and len(self.hits) >= 10
        pairs = list(zip(self.hits, other.hits, strict=True))
        return all(a.image == b.image and abs(a.similarity - b.similarity) < 1e-5 for a, b in pairs)


def test_an_index_built_on_a_server_answers_as_one_in_its_folder(
    folders: Path, model_folder: Path, index_folder: Path, query_file: Path, tmp_path: Path, server: RestServer
) -> None:
    out = tmp_path / "My index!"
    with crosslight.Index.build(
        [folders / "A"], model_folder, modality="A", out=out, store=server.url, device="cpu"
    ) as index:
        facts = index.info()
        assert index.count() == 10 and facts["store"] == server.url
        assert str(facts["collection"]).startswith("crosslight-my-index-")
        assert not (out / "store").exists()
    assert Answers(out, query_file) == Answers(index_folder, query_file)
    with crosslight.Index.open(out) as index:
        assert index.remove(["image9"]) == 1
        assert all(h.image != "image9" for h in index.search([query_file])[0].hits)
        assert index.add([folders / "A" / "image9.png"]) == 1 and index.count() == 10


def test_a_moved_index_answers_the_same_there_and_back(own: Path, query_file: Path, server: RestServer) -> None:
    before = Answers(own, query_file)
    with crosslight.Index.open(own) as index:
        assert index.move(server.url) == 10
    assert not (own / "store").exists()
    assert Answers(own, query_file) == before
    with crosslight.Index.open(own) as index:
        assert index.move("embedded") == 10
    assert (own / "store").is_dir()
    server.shutdown()
    assert Answers(own, query_file) == before


def test_an_interrupted_move_leaves_the_index_as_it_was_and_goes_on(
    own: Path, query_file: Path, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crosslight.store.adapter.PAGE_WITH_VECTORS", 3)
    before = Answers(own, query_file)
    server.refuse_after = 2
    with crosslight.Index.open(own) as index, pytest.raises(StoreUnavailableError, match="not ready"):
        index.move(server.url)
    assert Answers(own, query_file) == before
    server.refuse_after, server.n_writes = None, 0
    with crosslight.Index.open(own) as index:
        index.remove(["image5"])  # and what is removed in between does not come back
        assert index.move(server.url) == 9
        assert "image5" not in {e.name for e in index.entries()}
    assert server.n_writes <= 2  # pages of 3: two of the four were there


def test_a_move_that_loses_an_image_is_noticed(own: Path, server: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy_all_but_one(source: crosslight.Index, target: crosslight.Index, progress: object) -> None:
        copy(source, target, progress)
        target.remove(["image0"])

    copy = stores._copy
    monkeypatch.setattr(stores, "_copy", copy_all_but_one)
    with crosslight.Index.open(own) as index, pytest.raises(StoreUnavailableError, match="9 of 10 images"):
        index.move(server.url)
    with crosslight.Index.open(own) as index:
        assert index.manifest.store == "embedded" and index.count() == 10


def test_a_server_with_a_new_address_is_named_when_opening(own: Path, server: RestServer) -> None:
    with crosslight.Index.open(own) as index:
        index.move(server.url)
    other = server.url.replace("127.0.0.1", "localhost")
    with crosslight.Index.open(own, store=other) as index:
        assert index.count() == 10
    with serve() as empty, pytest.raises(IndexCorruptError, match="has no collection"):
        crosslight.Index.open(own, store=empty.url)
    with pytest.raises(IndexCorruptError, match="no embedded store"):
        crosslight.Index.open(own, store="embedded")


def test_an_index_does_not_change_its_store_by_being_built_again(
    folders: Path, model_folder: Path, own: Path, server: RestServer
) -> None:
    with pytest.raises(IndexMismatchError, match="crosslight move"):
        crosslight.Index.build([folders / "A"], model_folder, modality="A", out=own, store=server.url)
    with pytest.raises(IndexCorruptError, match="crosslight move"):
        crosslight.Index.open(own, store=server.url)


def test_a_copy_that_moves_gets_a_collection_of_its_own(own: Path, tmp_path: Path, server: RestServer) -> None:
    twin = Path(shutil.copytree(own, tmp_path / "twin"))
    names = []
    for folder in (own, twin):
        with crosslight.Index.open(folder) as index:
            index.move(server.url)
            names.append(index.info()["collection"])
    assert names[0] != names[1]


@pytest.mark.parametrize("address", ["localhost:6333", "ftp://host", "http://", "/folder", "http://key@host:6333", ""])
def test_an_address_that_is_no_url_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="http://localhost:6333"):
        check_address(address)
