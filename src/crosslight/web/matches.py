"""Verdicts that people gave on hits: INDEX/matches.json."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from crosslight.errors import IndexCorruptError
from crosslight.store.durable import write_durably
from crosslight.web.schemas import Match, Verdict

FILE_NAME = "matches.json"


class MatchBook:
    """All verdicts on an index, one per search and rank, kept in a file of the index folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._matches = {(m.search, m.rank): m for m in _read(self._path)}

    def put(self, match: Match) -> None:
        """Add or replace a verdict."""
        with self._lock:
            self._matches.pop((match.search, match.rank), None)
            self._matches[(match.search, match.rank)] = match
            self._save()

    def remove(self, search: str, rank: int) -> bool:
        """Take a verdict back; return whether there was one."""
        with self._lock:
            there = self._matches.pop((search, rank), None) is not None
            if there:
                self._save()
        return there

    def verdict(self, search: str, rank: int) -> Match | None:
        """Return what was said of a hit."""
        return self._matches.get((search, rank))

    def all(self, verdict: Verdict | None = None, search: str | None = None) -> list[Match]:
        """Return verdicts, the newest first, of one kind or of one search if asked."""
        with self._lock:
            matches = list(reversed(self._matches.values()))
        return [m for m in matches if verdict in (None, m.verdict) and search in (None, m.search)]

    def _save(self) -> None:
        record = [m.model_dump(mode="json") for m in self._matches.values()]
        write_durably(self._path, json.dumps({"format_version": 1, "matches": record}, indent=1).encode())


def _read(path: Path) -> Sequence[Match]:
    if not path.exists():
        return []
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return [Match.model_validate(m) for m in record["matches"]]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise IndexCorruptError(f"{path} is damaged ({type(error).__name__}); mend it or move it away.") from error
