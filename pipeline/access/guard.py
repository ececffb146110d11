"""The guard in front of a server that we start: an ASGI middleware around its whole app.

Every path is behind it, also those that the app adds later. An app that has a guard needs no other
check of hosts and origins; what it says of those in its answers is taken out.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pipeline.access.hosts import AllowedHosts
from pipeline.access.refused import page_of, sentence_of
from pipeline.access.requests import Refusal, refusal

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("slipway.access")
_POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)
_REFUSED = (
    *_HEADERS,
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)


class Guard:
    """Answers what is ours, and refuses the rest.

    Parameters
    ----------
    app
        The server's own.
    hosts
        What it answers to.
    variable
        Where the administrator names more of them; a refusal says so.
    content_policy
        ``Content-Security-Policy`` of its pages.
    """

    def __init__(
        self, app: App, hosts: AllowedHosts, *, variable: str, content_policy: str
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._variable = variable
        self._headers = (*_HEADERS, (b"content-security-policy", content_policy.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = refusal(scope["headers"], scope.get("method", "GET"), self._hosts)
        if refused:
            _say(sentence_of(refused, self._variable))
            await self._refuse(refused, scope, receive, send)
        else:
            await self._app(_without_origin(scope), receive, self._secured(send))

    async def _refuse(self, refused: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        accepts = b"".join(value for name, value in scope["headers"] if name == b"accept")
        is_browser = b"text/html" in accepts
        body = (page_of if is_browser else sentence_of)(refused, self._variable).encode()
        kind = b"text/html; charset=utf-8" if is_browser else b"text/plain; charset=utf-8"
        length = str(len(body)).encode()
        headers = [*_REFUSED, (b"content-type", kind), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    def _secured(self, send: Send) -> Send:
        ours = {name for name, _ in self._headers}

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value)
                    for name, value in message.get("headers", [])
                    if name.lower() not in ours and not name.lower().startswith(b"access-control-")
                ]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return secured


def _without_origin(scope: Scope) -> Scope:
    """Hide the page's origin, which has been judged, from the app.

    Streamlit would judge it again by another rule, and ask the internet for this machine's address.
    """
    return {**scope, "headers": [entry for entry in scope["headers"] if entry[0] != b"origin"]}


@functools.lru_cache(maxsize=256)  # a page that tries again and again says the same
def _say(sentence: str) -> None:
    _log.warning("%s", sentence)
