"""Serve an index until Ctrl-C."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from crosslight.errors import ConfigError, StoreUnavailableError
from crosslight.pipeline.index import Index
from crosslight.web.app import build_app
from crosslight.web.settings import ServeSettings

MIN_TOKEN = 16
MAX_CONNECTIONS = 400
PATIENCE_S = 3  # for open requests when the server stops


def check_settings(settings: ServeSettings) -> None:
    """Raise ConfigError for an address that others can reach without a token, or a token that is easily guessed."""
    if not settings.is_local and not settings.token:
        raise ConfigError(f"Others can reach {settings.host}: a token is needed; leave --token out to have one made.")
    if settings.token and (len(settings.token) < MIN_TOKEN or not settings.token.isascii()):
        raise ConfigError(f"The token has {len(settings.token)} characters; use at least {MIN_TOKEN}, all ASCII.")


def serve(index: Index, settings: ServeSettings, ready: Callable[[str], None]) -> None:
    """Serve an opened index and close it at the end.

    Parameters
    ----------
    index : Index
    settings : ServeSettings
        Port 0 takes any that is free.
    ready : callable
        Told the address of the first page as soon as the port is taken.

    Raises
    ------
    StoreUnavailableError
        If the port cannot be taken.
    """
    check_settings(settings)
    with _listen(settings) as listener:
        port = listener.getsockname()[1]
        name = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        name = f"[{name}]" if ":" in name and not name.startswith("[") else name
        ready(f"http://{name}:{port}/" + (f"?token={settings.token}" if settings.token else ""))
        config = uvicorn.Config(
            build_app(index, settings), log_config=None, access_log=False, server_header=False,
            limit_concurrency=MAX_CONNECTIONS, timeout_keep_alive=15, timeout_graceful_shutdown=PATIENCE_S,
            h11_max_incomplete_event_size=32 * 1024, ws="none", log_level=logging.WARNING,
        )  # fmt: skip
        with suppress(KeyboardInterrupt):  # the usual end
            uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: ServeSettings) -> socket.socket:
    """Take the port before anything else, so that the answer comes at once."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        raise StoreUnavailableError(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror}); use another --port or --host."
        ) from error
    return listener
