"""The guard before a small app that answers everything; real servers: tests/e2e, tests/tracking."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.access.guard import Guard
from pipeline.access.hosts import allowed_hosts

POLICY = "default-src 'self'"
OWN = {"host": "127.0.0.1:8640"}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer any page, say so to any origin, and tell which headers arrived."""
    if scope["type"] == "lifespan":
        await send({"type": "lifespan.startup.complete"})
    elif scope["type"] == "websocket":
        await send({"type": "websocket.accept", "headers": scope["headers"]})
    else:
        open_to_all = [(b"access-control-allow-origin", b"*"), (b"x-frame-options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": open_to_all})
        await send({"type": "http.response.body", "body": repr(scope["headers"]).encode()})


def asked(kind: str = "http", method: str = "GET", **headers: str) -> list[dict[str, Any]]:
    """Ask through the guard; give what it sends."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": kind,
        "method": method,
        "path": "/anything",
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }
    if kind == "websocket":
        del scope["method"]

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    guard = Guard(
        app, allowed_hosts("127.0.0.1"), variable="SLIPWAY_ALLOWED_HOSTS", content_policy=POLICY
    )
    # No loop is needed where nothing waits; a browser's may be running in this thread.
    with pytest.raises(StopIteration):
        guard(scope, receive, send).send(None)
    return sent


def test_what_is_ours_is_answered_to_no_other_origin_and_in_no_foreign_frame() -> None:
    start, body = asked(**OWN, origin="http://127.0.0.1:8640")
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert not [name for name in headers if name.startswith(b"access-control-")]
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"
    assert headers[b"content-security-policy"] == POLICY.encode()
    assert headers[b"cross-origin-resource-policy"] == b"same-origin"
    assert b"origin" not in body["body"], "the app does not judge it again"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_the_rest_is_refused_with_how_to_allow_it(method: str) -> None:
    start, body = asked(method=method, host="lab.example:8640")
    assert start["status"] == 403
    assert "SLIPWAY_ALLOWED_HOSTS=lab.example" in body["body"].decode()
    start, body = asked(method=method, **OWN, origin="https://proxy.example:8443")
    assert start["status"] == 403
    assert "SLIPWAY_ALLOWED_HOSTS=proxy.example:8443" in body["body"].decode()
    assert b"access-control-allow-origin" not in dict(start["headers"])


def test_a_browser_gets_a_page_in_which_nothing_of_the_request_is_code() -> None:
    for host in ("<script>alert(1)</script>", "evil.example", 'a"onload=x', "x" * 5000, ""):
        start, body = asked(host=host, accept="text/html,*/*")
        text = body["body"].decode()
        assert dict(start["headers"])[b"content-type"].startswith(b"text/html")
        assert "<script>alert" not in text
        assert len(text) < 3000
    assert "names no host" in asked(accept="text/html")[1]["body"].decode()
    text = asked(host="evil.example", accept="text/html")[1]["body"].decode()
    assert "SLIPWAY_ALLOWED_HOSTS=evil.example" in text
    assert "another site may have sent you" in text


@pytest.mark.parametrize(
    "origin",
    ["null", "http://127.0.0.1:1", "http://localhost:9", "http://[::1]", "file://", "x://y"],
)
def test_nobody_is_told_to_trust_what_is_no_name_of_a_proxy(origin: str) -> None:
    for accept in ("text/html", "*/*"):
        body = asked(**OWN, origin=origin, accept=accept)[1]["body"].decode()
        assert "SLIPWAY_ALLOWED_HOSTS" not in body


def test_head_has_no_body() -> None:
    assert asked(method="HEAD", host="evil.example")[1]["body"] == b""


def test_a_websocket_is_refused_before_it_is_accepted() -> None:
    for origin in ("http://evil.example:8640", "http://127.0.0.1:9999", "null"):
        assert [message["type"] for message in asked("websocket", **OWN, origin=origin)] == [
            "websocket.close"
        ]
    evil = {"host": "evil.example:8640", "origin": "http://evil.example:8640"}
    assert asked("websocket", **evil)[0]["type"] == "websocket.close"
    accepted = asked("websocket", **OWN, origin="http://127.0.0.1:8640")
    assert accepted == [{"type": "websocket.accept", "headers": [(b"host", b"127.0.0.1:8640")]}]


def test_the_apps_start_and_end_pass() -> None:
    assert asked("lifespan") == [{"type": "lifespan.startup.complete"}]
