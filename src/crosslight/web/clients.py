"""Who sends a request, and how many requests they have left."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict

from crosslight.web.settings import Limits

MAX_REMEMBERED = 4096


class Signer:
    """Makes and checks cookies that only this process can have made."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def sign(self, value: str) -> str:
        """Return ``value.signature``."""
        return f"{value}.{self._digest(value)}"

    def read(self, signed: str | None) -> str | None:
        """Return the value, or None if it was not signed here."""
        value, _, digest = (signed or "").rpartition(".")
        return value if value and hmac.compare_digest(digest.encode(), self._digest(value).encode()) else None

    def _digest(self, value: str) -> str:
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()[:32]


class Allowance:
    """A token bucket per name: each request takes some, time fills them again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, cost: float, *, share: float = 1.0) -> float:
        """Take `cost` from the bucket of `name`, which is `share` times the usual size.

        Returns
        -------
        wait_s : float
            0 when there was enough; else how long to wait until there is, and nothing is taken.
        """
        rate, size = self._limits.requests_per_s * share, self._limits.burst * share
        now = time.monotonic()
        with self._lock:
            left, then = self._left.pop(name, (size, now))
            left = min(size, left + (now - then) * rate)
            enough = left >= cost
            self._left[name] = (left - cost if enough else left, now)
            while len(self._left) > MAX_REMEMBERED:
                self._left.popitem(last=False)
        return 0.0 if enough else (cost - left) / rate
