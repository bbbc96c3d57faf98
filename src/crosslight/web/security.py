"""What every request passes before it reaches a page: host, origin, size, token, allowance."""

from __future__ import annotations

import hmac
import math
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from crosslight.web.clients import Allowance, Signer
from crosslight.web.problems import RequestError, respond
from crosslight.web.settings import MEBIBYTE, ServeSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TOKEN_COOKIE, CLIENT_COOKIE = "crosslight-token", "crosslight-client"
OPEN_PATHS = ("/static/", "/login", "/palette.css")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
COSTS = {"GET": 1.0, "HEAD": 1.0}
CHANGE_COST, WRONG_TOKEN_COST = 5.0, 60.0
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
        "font-src 'self'", "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], settings: ServeSettings) -> None:
        self._app, self._settings = app, settings
        self._signer, self._allowance = Signer(), Allowance(settings.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say in a problem why not."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(scope)
        new_client = self._identify(request, scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
                if new_client:
                    headers.append("set-cookie", _cookie(CLIENT_COOKIE, new_client))
            await send(message)

        try:
            self._check(request)
            answer = self._admit(request)
        except RequestError as error:
            retry = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else None
            answer = respond(error.status, str(error), "RequestError", retry)
        if answer is not None:
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, self._limit_body(request, receive), send_with_headers)

    def check_token(self, token: str) -> str | None:
        """Return the cookie for a visitor who knows the token, or None."""
        if not self._settings.token or not hmac.compare_digest(token.encode(), self._settings.token.encode()):
            return None
        return _cookie(TOKEN_COOKIE, self._signer.sign("token"))

    def _identify(self, request: _Request, scope: Scope) -> str:
        """Name the visitor in the scope; return a cookie for one who has none yet and opens a page."""
        known = self._signer.read(request.cookies.get(CLIENT_COOKIE))
        scope["crosslight.client"] = known or f"address {request.address}"
        scope["crosslight.guard"] = self
        if known or request.method != "GET" or request.path.startswith(("/api/", "/static/", "/palette")):
            return ""
        return self._signer.sign(secrets.token_urlsafe(12))

    def _check(self, request: _Request) -> None:
        """Raise RequestError for a foreign host or origin, too large a body, or too many requests."""
        if not self._settings.token and request.host_name not in self._settings.host_names:
            raise RequestError(421, "This address is not served here; open the one that `crosslight serve` printed.")
        if request.method not in SAFE_METHODS and request.is_foreign:
            raise RequestError(403, "The request comes from another site's page; use this one's.")
        if request.length > self._settings.limits.request_bytes:
            raise RequestError(413, _too_large(self._settings))
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RequestError(415, "Compressed requests are not taken; send the body as it is.")
        if request.path.startswith("/static/"):
            return
        cost = COSTS.get(request.method, CHANGE_COST)
        self._charge(request, cost)

    def _charge(self, request: _Request, cost: float) -> None:
        each = self._allowance.take(request.scope["crosslight.client"], cost)
        share = self._settings.limits.per_address
        wait_s = each or self._allowance.take(f"all of {request.address}", cost, share=share)
        if wait_s:
            retry_after_s = math.ceil(wait_s)
            raise RequestError(429, f"Too many requests; wait {retry_after_s} s.", retry_after_s=retry_after_s)

    def _admit(self, request: _Request) -> Response | None:
        """Return None for who may pass, else where to go or what is missing."""
        if not self._settings.token:
            return None
        offered = dict(parse_qsl(request.query)).get("token")
        if offered is not None and request.method == "GET" and not request.path.startswith("/api/"):
            return self._take_token(request, offered)
        if request.path.startswith(OPEN_PATHS):
            return None
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.check_token(given.strip()):
            return None
        if self._signer.read(request.cookies.get(TOKEN_COOKIE)) == "token":
            return None
        if kind:
            self._charge(request, WRONG_TOKEN_COST)
        if request.path.startswith("/api/") or request.method != "GET":
            sentence = "A token is needed: send the header `Authorization: Bearer TOKEN` with the one that was printed."
            return respond(401, sentence, "RequestError", {"WWW-Authenticate": "Bearer"})
        return RedirectResponse(f"/login?next={quote(request.path)}", status_code=303)

    def _take_token(self, request: _Request, offered: str) -> Response:
        """Swap a token in the address for a cookie, so that it does not stay in the history."""
        cookie = self.check_token(offered)
        if cookie is None:
            self._charge(request, WRONG_TOKEN_COST)
            return RedirectResponse("/login?wrong=1", status_code=303)
        rest = urlencode([(k, v) for k, v in parse_qsl(request.query) if k != "token"])
        target = "/" + request.path.lstrip("/\\")  # never another host's
        response = RedirectResponse(quote(target) + (f"?{rest}" if rest else ""), status_code=303)
        response.headers.append("set-cookie", cookie)
        return response

    def _limit_body(self, request: _Request, receive: Receive) -> Receive:
        """Count what arrives: a request may lie about its length or not give it."""
        limit, n_bytes = self._settings.limits.request_bytes, 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit:
                raise HTTPException(413, _too_large(self._settings))  # passes through the parsers of bodies
            return message

        return counted


class _Request:
    """The parts of a request that decide whether it may pass."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers = Headers(scope=scope)
        self.address: str = (scope.get("client") or ("unknown",))[0]

    @property
    def cookies(self) -> dict[str, str]:
        """Names and values."""
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}
        except CookieError:
            return {}

    @property
    def host_name(self) -> str:
        """The Host header without its port."""
        host = self.headers.get("host", "")
        return host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host

    @property
    def length(self) -> int:
        """The length that the request gives."""
        given = self.headers.get("content-length", "0")
        return int(given) if given.isdecimal() else 0

    @property
    def is_foreign(self) -> bool:
        """Whether a browser says that another site's page sends this."""
        if self.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        origin = self.headers.get("origin")
        return origin is not None and urlsplit(origin).netloc != self.headers.get("host", "")


def _cookie(name: str, value: str) -> str:
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict"


def _too_large(settings: ServeSettings) -> str:
    return f"The request is larger than {settings.limits.request_bytes // MEBIBYTE} MiB; send fewer or smaller files."
