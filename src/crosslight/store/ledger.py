"""How many images a store must hold: what tells lost ones from ones that never came."""

from __future__ import annotations

import json
from pathlib import Path

from crosslight.errors import IndexCorruptError
from crosslight.store.durable import write_durably


class Ledger:
    """Remembers between which counts a store lies, in ``count.json`` in its folder.

    The engine opens a folder that has lost a file as a smaller one, without a word. So the range of counts that a
    change passes through is written before it, and the one count that it ends at after it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "count.json"

    def announce(self, before: int, after: int) -> None:
        """Write that the store holds between `before` and `after` images."""
        write_durably(self._path, json.dumps([min(before, after), max(before, after)]).encode())

    def check(self, count: int) -> None:
        """Raise IndexCorruptError if `count` images cannot be what was written."""
        low, high = self._read()
        if not low <= count <= high:
            expected = str(low) if low == high else f"{low} to {high}"
            raise IndexCorruptError(
                f"The store {self._path.parent} is damaged: it holds {count} images where {expected} were written; "
                "delete that folder and run the same `crosslight index` again, which keeps the representations."
            )

    def _read(self) -> tuple[int, int]:
        try:
            low, high = json.loads(self._path.read_text(encoding="ascii"))
            return int(low), int(high)
        except FileNotFoundError:
            return 0, 0  # a store that was just made
        except (OSError, ValueError, TypeError) as error:
            raise IndexCorruptError(
                f"{self._path} cannot be read ({error}); delete the folder {self._path.parent} and run the same "
                "`crosslight index` again, which keeps the representations."
            ) from error
