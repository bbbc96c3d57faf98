"""Who may use the application, how often, and what answers carry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import crosslight
from crosslight.errors import ConfigError
from crosslight.web.app import build_app
from crosslight.web.clients import Allowance, Signer
from crosslight.web.security import POLICY, Guard
from crosslight.web.server import check_settings
from crosslight.web.settings import Limits, ServeSettings, make_token

TOKEN = "a-token-of-some-length"


@pytest.fixture
def guarded(own_index: Path) -> Iterator[TestClient]:
    settings = ServeSettings(host="0.0.0.0", token=TOKEN)
    app = build_app(crosslight.Index.open(own_index, device="cpu"), settings)
    with TestClient(app, base_url="http://lab.example:8000") as client:
        yield client


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for path in ("/", "/api/health", "/static/js/search.js", "/nowhere"):
        assert client.get(path).headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY


def test_pages_hold_no_inline_script_or_style_and_name_no_other_site(client: TestClient) -> None:
    for path in ("/", "/repository", "/matches", "/model", "/api/docs"):
        text = client.get(path).text
        assert "<style" not in text and " style=" not in text and " onclick=" not in text
        assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src=')
        assert "https://" not in text


def test_a_foreign_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/api/health", headers={"Host": "evil.example"}).status_code == 421


def test_another_sites_page_may_not_change_anything(client: TestClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/api/searches", headers=headers).status_code == 403


def test_without_the_token_there_is_nothing(guarded: TestClient) -> None:
    assert guarded.get("/api/health").status_code == 401
    assert guarded.get("/", follow_redirects=False).headers["location"] == "/login?next=/"
    assert guarded.get("/api/health", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_the_token_opens_the_api(guarded: TestClient) -> None:
    assert guarded.get("/api/health", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_a_token_in_the_address_becomes_a_cookie(guarded: TestClient) -> None:
    response = guarded.get(f"/repository?token={TOKEN}&a=b", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/repository?a=b")
    assert TOKEN not in response.headers["set-cookie"] and "HttpOnly" in response.headers["set-cookie"]
    assert guarded.get("/api/health").status_code == 200


def test_signing_in_asks_for_the_token_and_stays_on_this_site(guarded: TestClient) -> None:
    assert "not the token" in guarded.post("/login", data={"token": "guess"}).text
    response = guarded.post("/login", data={"token": TOKEN, "next": "//evil.example"}, follow_redirects=False)
    assert response.headers["location"] == "/"
    assert guarded.get("/").status_code == 200


def test_guessing_tokens_is_slowed_down(guarded: TestClient) -> None:
    codes = [guarded.get("/api/health", headers={"Authorization": f"Bearer {i}"}).status_code for i in range(20)]
    assert codes[0] == 401 and codes[-1] == 429


def test_other_addresses_need_a_token_that_is_not_short() -> None:
    with pytest.raises(ConfigError, match="token is needed"):
        check_settings(ServeSettings(host="0.0.0.0"))
    with pytest.raises(ConfigError, match="at least 16"):
        check_settings(ServeSettings(token="short"))
    check_settings(ServeSettings(host="0.0.0.0", token=make_token()))
    check_settings(ServeSettings(host="::1"))


def test_a_visitor_is_slowed_down_and_another_is_not() -> None:
    allowance = Allowance(Limits(requests_per_s=1, burst=3))
    assert [allowance.take("x", 1) > 0 for _ in range(4)] == [False, False, False, True]
    assert allowance.take("y", 1) == 0


def test_only_cookies_signed_here_are_believed() -> None:
    signer = Signer()
    assert signer.read(signer.sign("me")) == "me"
    assert signer.read(Signer().sign("me")) is None
    assert signer.read("me.") is None
    assert signer.read(None) is None


def test_a_body_larger_than_it_says_is_cut_off() -> None:
    statuses = []

    async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        while (await receive()).get("more_body"):
            pass

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 600, "more_body": True}

    async def send(message: dict[str, object]) -> None:
        statuses.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/searches", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"10")],
    }  # fmt: skip
    guard = Guard(app, ServeSettings(limits=Limits(request_bytes=1000)))
    with pytest.raises(Exception, match="413"):
        asyncio.run(guard(scope, receive, send))
    scope["headers"] = [(b"host", b"127.0.0.1"), (b"content-length", b"2000")]
    asyncio.run(guard(scope, receive, send))
    assert statuses[0]["status"] == 413
