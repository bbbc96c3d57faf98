"""Every store of the registry keeps, finds, filters and refuses alike."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient
from rest_server import serve

from crosslight.errors import InputError
from crosslight.registry import load, names
from crosslight.store.base import Store
from crosslight.store.exact import ExactStore
from crosslight.types import Entry, Histogram

N_WORDS = 300


@pytest.fixture(scope="module")
def rest_url() -> Iterator[str]:
    with serve() as server:
        yield server.url


def open_server(address: str) -> Iterator[Store]:
    """Open a collection of its own on a server, and delete it afterwards."""
    collection = f"crosslight-test-{uuid.uuid4().hex}"
    opened = load("store", "qdrant")(address, collection, api_key=os.environ.get("QDRANT_API_KEY"))
    yield opened
    opened.close()
    client = QdrantClient(address, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False)
    client.delete_collection(collection)
    client.close()


def open_by_name(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """Open an empty store; "qdrant" has several kinds of engine behind the same adapter."""
    if name == "qdrant-server":
        if "QDRANT_URL" not in os.environ:
            pytest.skip("QDRANT_URL names no server")
        yield from open_server(os.environ["QDRANT_URL"])
    elif name == "qdrant-rest":
        yield from open_server(request.getfixturevalue("rest_url"))
    else:
        place = {"qdrant-memory": (":memory:", "test"), "qdrant-disk": (str(folder), "test")}.get(name, (folder,))
        opened = load("store", name.partition("-")[0])(*place)
        yield opened
        opened.close()


TRANSPORTS = {"qdrant": ["qdrant-memory", "qdrant-disk", "qdrant-rest", "qdrant-server"]}


@pytest.fixture(params=[kind for name in sorted(names("store")) for kind in TRANSPORTS.get(name, [name])])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    yield from open_by_name(request.param, request, tmp_path / "store")


def entry(name: str, **metadata: str | float | int | bool) -> Entry:
    return Entry(
        name=name, path=f"/images/{name}.png", height_px=400, width_px=300, mpp=0.25, signature="9-1", metadata=metadata
    )


def histogram(words: list[int], weights: list[float]) -> Histogram:
    return Histogram(words=np.array(words, np.int32), counts=np.array(weights, np.float32))


def random_histogram(rng: np.random.Generator, n_words: int = 40) -> Histogram:
    weights = rng.random(n_words)
    words = np.sort(rng.choice(N_WORDS, n_words, replace=False)).astype(np.int32)
    return Histogram(words=words, counts=(weights / np.linalg.norm(weights)).astype(np.float32))


def zipf_histogram(rng: np.random.Generator, n_words: int = 60) -> Histogram:
    """Return a histogram of words as they occur: some in nearly every image, most in few."""
    words, counts = np.unique(np.minimum(rng.zipf(1.3, n_words), N_WORDS) - 1, return_counts=True)
    return Histogram(words=words.astype(np.int32), counts=(counts / np.linalg.norm(counts)).astype(np.float32))


def loop_search(stored: dict[str, Histogram], query: Histogram, n_hits: int) -> list[tuple[str, float]]:
    """The obvious search: a dictionary per image, a loop per word."""
    asked = dict(zip(query.words.tolist(), query.counts.tolist(), strict=True))
    found = [
        (name, sum(w * asked.get(word, 0.0) for word, w in zip(h.words.tolist(), h.counts.tolist(), strict=True)))
        for name, h in stored.items()
    ]
    return sorted((hit for hit in found if hit[1] > 0), key=lambda hit: (-hit[1], hit[0]))[:n_hits]


def test_an_empty_store_finds_nothing(store: Store) -> None:
    assert store.count() == 0
    assert store.entries() == []
    assert store.search(histogram([1], [1.0]), 5) == []
    assert store.remove(["a"]) == 0


def test_hits_and_similarities_equal_exact_search_on_words_as_they_occur(store: Store) -> None:
    rng, exact = np.random.default_rng(2), ExactStore()
    entries = [entry(f"{i:03d}", half=i % 2) for i in range(300)]
    vectors = [zipf_histogram(rng) for _ in entries]
    for opened in (store, exact):
        opened.add(entries, vectors)
    for where in (None, {"half": 1}):
        for _ in range(5):
            query = zipf_histogram(rng)
            found, expected = store.search(query, 30, where), exact.search(query, 30, where)
            assert [name for name, _ in found] == [name for name, _ in expected]
            np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=1e-5)


def test_entries_are_found_by_name(store: Store) -> None:
    store.add([entry("a", stain="HE"), entry("b")], [histogram([1], [1.0])] * 2)
    assert store.find(["b", "never there", "a", "b"]) == {"a": entry("a", stain="HE"), "b": entry("b")}
    assert store.find([]) == {}


def test_contents_are_all_there_is_and_can_be_gone_on_with(store: Store) -> None:
    rng = np.random.default_rng(3)
    stored = {f"{i:03d}": random_histogram(rng) for i in range(230)} | {"blank": histogram([], [])}
    store.add([entry(name) for name in stored], list(stored.values()))
    pages = list(store.contents())
    seen = {e.name: vector for entries, vectors, _ in pages for e, vector in zip(entries, vectors, strict=True)}
    assert set(seen) == set(stored)
    for name, vector in seen.items():
        order = np.argsort(vector.words)
        np.testing.assert_array_equal(vector.words[order], stored[name].words)
        np.testing.assert_allclose(vector.counts[order], stored[name].counts, rtol=1e-6)
    assert len(pages) == 3 and pages[-1][2] is None
    again = [e.name for entries, _, _ in store.contents(pages[0][2]) for e in entries]
    assert again == [e.name for entries, _, _ in pages[1:] for e in entries]


def test_adding_nothing_changes_nothing(store: Store) -> None:
    store.add([], [])
    assert store.count() == 0


def test_entries_come_back_as_they_were_sorted_by_name(store: Store) -> None:
    entries = [entry("b", stain="HE", grade=3, score=0.5, whole=2.0, seen=True), entry("a"), entry("été/../x y")]
    store.add(entries, [histogram([1], [1.0])] * 3)
    assert store.entries() == sorted(entries, key=lambda e: e.name)


def test_hits_and_similarities_equal_the_obvious_loop(store: Store) -> None:
    rng = np.random.default_rng(1)
    stored = {f"image {i:03d}": random_histogram(rng) for i in range(150)}
    store.add([entry(name) for name in stored], list(stored.values()))
    for n_hits in (1, 15, 150):
        query = random_histogram(rng)
        found, expected = store.search(query, n_hits), loop_search(stored, query, n_hits)
        assert [name for name, _ in found] == [name for name, _ in expected]
        np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], atol=1e-5)


def test_ties_go_by_name_also_where_the_list_is_cut(store: Store) -> None:
    tied = [f"tied {i:02d}" for i in range(40)]
    store.add([entry(n) for n in reversed(tied)], [histogram([3, 9], [0.6, 0.8])] * 40)
    store.add([entry("z best")], [histogram([9], [1.0])])
    assert [name for name, _ in store.search(histogram([9], [1.0]), 4)] == ["z best", "tied 00", "tied 01", "tied 02"]


def test_asking_for_more_than_there_is_returns_what_there_is(store: Store) -> None:
    store.add([entry("a"), entry("b")], [histogram([1], [1.0]), histogram([1, 2], [0.6, 0.8])])
    assert store.search(histogram([1], [1.0]), 100) == [("a", 1.0), ("b", pytest.approx(0.6))]
    assert store.search(histogram([1], [1.0]), 0) == []


def test_images_that_share_no_word_with_the_query_are_not_found(store: Store) -> None:
    store.add([entry("a"), entry("b")], [histogram([1], [1.0]), histogram([2], [1.0])])
    assert [name for name, _ in store.search(histogram([2, 250_000], [1.0, 1.0]), 5)] == ["b"]


def test_an_image_without_words_is_listed_and_counted_but_not_found(store: Store) -> None:
    store.add([entry("blank"), entry("a")], [histogram([], []), histogram([1], [1.0])])
    assert store.count() == 2
    assert [e.name for e in store.entries()] == ["a", "blank"]
    assert [name for name, _ in store.search(histogram([1], [1.0]), 5)] == ["a"]
    assert store.search(histogram([], []), 5) == []


def test_writing_a_name_again_replaces_it(store: Store) -> None:
    store.add([entry("a", stain="HE")], [histogram([1], [1.0])])
    store.add([entry("a", stain="IHC")], [histogram([2], [1.0])])
    assert store.count() == 1
    assert store.entries() == [entry("a", stain="IHC")]
    assert store.search(histogram([1], [1.0]), 5) == []
    assert store.search(histogram([2], [1.0]), 5) == [("a", 1.0)]


def test_removing_returns_how_many_were_there(store: Store) -> None:
    store.add([entry("a"), entry("b")], [histogram([1], [1.0])] * 2)
    assert store.remove(["a", "never there", "a"]) == 1
    assert [e.name for e in store.entries()] == ["b"]
    assert [name for name, _ in store.search(histogram([1], [1.0]), 5)] == ["b"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"grade": 1}, {"number", "float"}),
        ({"grade": 1.0}, {"number", "float"}),
        ({"grade": "1"}, {"text"}),
        ({"grade": True}, {"truth"}),
        ({"grade": 2}, set()),
        ({"unknown": "x"}, set()),
        ({"a.b c[]": "dotted"}, {"text"}),
        ({"grade": "1", "a.b c[]": "dotted"}, {"text"}),
        ({"grade": 1, "a.b c[]": "dotted"}, set()),
        ({}, {"number", "float", "text", "truth"}),
    ],
)
def test_conditions_match_values_of_the_same_kind(
    store: Store, where: dict[str, str | float | int | bool], expected: set[str]
) -> None:
    entries = [entry("number", grade=1), entry("float", grade=1.0), entry("truth", grade=True)]
    entries.append(entry("text", grade="1", **{"a.b c[]": "dotted"}))
    store.add(entries, [histogram([1], [1.0])] * 4)
    assert {e.name for e in store.entries(where)} == expected
    assert store.count(where) == len(expected)
    assert {name for name, _ in store.search(histogram([1], [1.0]), 10, where)} == expected


def test_all_entries_come_back_when_there_are_thousands(store: Store) -> None:
    entries = [entry(f"{i:05d}") for i in range(2345)]
    store.add(entries, [histogram([1], [1.0])] * len(entries))
    assert store.entries() == entries
    assert store.count() == len(entries)


@pytest.mark.parametrize(
    ("words", "weights", "message"),
    [
        ([1, 2], [float("nan"), 1.0], "weight that is negative or not finite"),
        ([1, 2], [float("inf"), 1.0], "weight that is negative or not finite"),
        ([1, 2], [-0.5, 1.0], "weight that is negative or not finite"),
        ([2, 2], [0.5, 0.5], "names a word twice"),
        ([1, 2, 3], [0.5, 0.5], "same length"),
        ([-1, 2], [0.5, 0.5], "whole number from 0"),
    ],
)
def test_unusable_histograms_are_refused_and_nothing_is_written(
    store: Store, words: list[int], weights: list[float], message: str
) -> None:
    good, bad = histogram([1], [1.0]), histogram(words, weights)
    with pytest.raises(InputError, match=message) as caught:
        store.add([entry("good"), entry("bad one")], [good, bad])
    assert "'bad one'" in str(caught.value)
    assert store.count() == 0
    with pytest.raises(InputError, match=message):
        store.search(bad, 5)


@pytest.mark.parametrize("value", [float("nan"), 2**64, None, [1]])
def test_metadata_that_cannot_be_kept_are_refused(store: Store, value: float) -> None:
    with pytest.raises(InputError, match="column 'grade'"):
        store.add([entry("a", grade=value)], [histogram([1], [1.0])])


def test_a_name_twice_in_a_batch_and_a_missing_vector_are_refused(store: Store) -> None:
    with pytest.raises(InputError, match=r"'a' 2 times"):
        store.add([entry("a"), entry("a")], [histogram([1], [1.0])] * 2)
    with pytest.raises(InputError, match="2 entries but 1 vectors"):
        store.add([entry("a"), entry("b")], [histogram([1], [1.0])])


def test_a_name_that_is_not_unicode_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        store.add([entry("image\udcff")], [histogram([1], [1.0])])
    assert store.remove(["image\udcff"]) == 0
