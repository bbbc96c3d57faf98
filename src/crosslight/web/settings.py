"""What the web application allows: limits of uploads, of waiting work and of requests."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field

MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits that keep one visitor from stopping the others.

    Attributes
    ----------
    query_bytes, image_bytes, request_bytes : int
        Largest query file, repository file, and whole request.
    query_pixels, image_pixels, side_px : int
        Most pixels of a query and of a repository image, and the longest side of either.
    n_files : int
        Most files in one upload to the repository.
    n_waiting, n_waiting_each : int
        Most unfinished jobs of everybody and of one visitor.
    n_decoding, n_decoding_each : int
        Most uploads that are decoded or wait for it, of everybody and of one visitor.
    n_kept, kept_bytes : int
        Finished jobs that are remembered, and what their queries may take on disk.
    decode_s : float
        Longest that the decoding of one image may take.
    requests_per_s, burst : float
        How many requests one visitor may send on average, and at once; all visitors of one address together get
        `per_address` times as much.
    """

    query_bytes: int = 64 * MEBIBYTE
    image_bytes: int = 1024 * MEBIBYTE
    request_bytes: int = 2048 * MEBIBYTE
    query_pixels: int = 25_000_000
    image_pixels: int = 400_000_000
    side_px: int = 32_000
    n_files: int = 200
    n_waiting: int = 64
    n_waiting_each: int = 4
    n_decoding: int = 24
    n_decoding_each: int = 3
    n_kept: int = 200
    kept_bytes: int = 2048 * MEBIBYTE
    decode_s: float = 30.0
    requests_per_s: float = 60.0
    burst: float = 400.0
    per_address: float = 25.0


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Where the application listens and who may use it.

    `token` is what visitors have to show; empty means that none is asked for, which only a loopback address allows.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str = ""
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """Whether only this computer can reach the application."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def host_names(self) -> frozenset[str]:
        """What the Host header of a request may say when no token protects it; a foreign name is an attack."""
        return frozenset({"127.0.0.1", "localhost", "[::1]", self.host})


def make_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(24)
