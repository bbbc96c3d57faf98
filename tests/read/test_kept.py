"""Values that stay in memory while there is room."""

import threading
from itertools import count

import pytest

from crosslight.read.kept import Kept


def test_what_was_asked_for_last_stays_within_the_room() -> None:
    kept: Kept[bytes] = Kept(10, len)
    made: list[str] = []

    def get(key: str, n_bytes: int = 4) -> None:
        kept.get(key, lambda: made.append(key) or bytes(n_bytes))

    for key in "abaca":  # a is used again, so that b is the oldest when c comes
        get(key)
    assert made == ["a", "b", "c"]
    get("b")
    assert made == ["a", "b", "c", "b"]
    get("a")
    get("c")
    assert made == ["a", "b", "c", "b", "c"]


def test_a_value_larger_than_the_room_stays_until_the_next() -> None:
    kept: Kept[bytes] = Kept(10, len)
    numbers = count()
    large = kept.get("large", lambda: bytes([next(numbers)]) * 20)
    assert kept.get("large", lambda: b"another") is large
    kept.get("small", lambda: b"s")
    assert kept.get("large", lambda: b"another") == b"another"


def test_what_cannot_be_made_is_tried_again() -> None:
    kept: Kept[bytes] = Kept(10, len)
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: bytes(1 // 0))
    assert kept.get("a", lambda: b"there") == b"there"


def test_threads_that_make_the_same_value_get_one_and_it_is_counted_once() -> None:
    kept: Kept[bytes] = Kept(10, len)
    together = threading.Barrier(2)
    found: list[bytes] = []

    def make() -> bytes:
        together.wait(timeout=10)
        return bytes(bytearray(5))

    threads = [threading.Thread(target=lambda: found.append(kept.get("a", make))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    kept.get("b", lambda: bytes(5))
    assert kept.get("a", lambda: b"anew") is found[0]
