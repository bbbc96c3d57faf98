"""What was read or made last stays in memory, up to so many bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, made when they are first asked for; those asked for last are kept. Threads may share it.

    Parameters
    ----------
    room_bytes : int
        The most that all values may take; the one asked for last stays even if it is larger.
    size_bytes : callable
        How much one value takes, the same at any time.
    """

    def __init__(self, room_bytes: int, size_bytes: Callable[[Value], int]) -> None:
        self._room_bytes, self._size_bytes = room_bytes, size_bytes
        self._values: OrderedDict[Hashable, Value] = OrderedDict()  # the one used last comes last
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made now unless it is kept; what `make` raises is passed on."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()  # without the lock: threads may make several values at a time
        with self._lock:
            if key not in self._values:
                self._values[key] = made
                self._room_bytes -= self._size_bytes(made)
                while self._room_bytes < 0 and len(self._values) > 1:
                    self._room_bytes += self._size_bytes(self._values.popitem(last=False)[1])
            return self._values[key]
