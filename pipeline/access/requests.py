"""Whether a request is one of ours, by what a browser says of it and no page can change.

``Host`` and ``Origin``: RFC 6454, RFC 9110 7.2. ``Sec-Fetch-Site`` and its kin: W3C, Fetch Metadata
Request Headers. What a form of any page can send without being asked about it: WHATWG Fetch, 2.2.2,
"CORS-safelisted request-header".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipeline.access.hosts import AllowedHosts, Host, parse_host

_PORTS = {"http": 80, "https": 443}
_READING = ("GET", "HEAD", "OPTIONS")
_FORM_TYPES = ("", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    Parameters
    ----------
    kind
        ``host``: the server does not know the name that it was called by. ``page``: a page of
        another origin sent it. ``proof``: nothing shows that no such page did.
    value
        The host or origin in question, as it was sent; empty where there was none.
    """

    kind: Literal["host", "page", "proof"]
    value: str


def refusal(
    headers: Iterable[tuple[bytes, bytes]], method: str, hosts: AllowedHosts
) -> Refusal | None:
    """Say why a request is refused; None where it is one of ours.

    Parameters
    ----------
    headers
        As ASGI has them: lower-case names, bytes.
    method
        Of HTTP; ``GET`` for the handshake of a websocket.
    hosts
        What the server answers to.
    """
    sent = _Sent(headers)
    host = parse_host(sent.only("host"))
    if host is None or not hosts.has(host):
        return Refusal("host", sent.only("host"))
    # A proxy that calls us by our address says here what browsers call it; the page that they would
    # get could not load its parts, whose Origin is that name.
    forwarded = sent.only("x-forwarded-host").partition(",")[0].strip()
    named = parse_host(forwarded)
    if named and not hosts.has(named):
        return Refusal("host", forwarded)
    if sent.has("origin"):
        origin = sent.only("origin")
        return None if is_own_page(origin, host, hosts) else Refusal("page", origin)
    site = sent.only("sec-fetch-site")
    if site in ("cross-site", "same-site"):  # another port of the same machine is the same site
        return None if _is_link(sent, method) else Refusal("page", site)
    if method not in _READING and not site and _a_form_can_send(sent, method):
        return Refusal("proof", "")
    return None


def is_own_page(origin: str, host: Host, hosts: AllowedHosts) -> bool:
    """Say whether a page of this origin is one that the server itself gave.

    Its host is the one that the request was sent to, or one that the administrator named: a proxy
    may call the server by another name than browsers call the proxy.
    """
    scheme, _, rest = origin.lower().partition("://")
    page = parse_host(rest)
    if page is None or scheme not in _PORTS:
        return False

    def at(place: Host) -> tuple[str, int]:
        return place.name, place.port or _PORTS[scheme]

    return at(page) == at(host) or at(page) in map(at, hosts.given)


class _Sent:
    """The headers of a request; one that was sent twice with two values has none."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, set[str]] = {}
        for name, value in headers:
            self._values.setdefault(name.decode("latin-1"), set()).add(value.decode("latin-1"))

    def has(self, name: str) -> bool:
        return name in self._values

    def only(self, name: str) -> str:
        values = self._values.get(name, set())
        return next(iter(values)) if len(values) == 1 else ""


def _is_link(sent: _Sent, method: str) -> bool:
    """A link to a page of ours that a person follows; it shows, and nothing more."""
    is_window = sent.only("sec-fetch-dest") == "document"
    return method in ("GET", "HEAD") and sent.only("sec-fetch-mode") == "navigate" and is_window


def _a_form_can_send(sent: _Sent, method: str) -> bool:
    """What pages of old browsers can send anywhere unasked; MLflow's clients send JSON."""
    content = sent.only("content-type").partition(";")[0].strip().lower()
    return method == "POST" and content in _FORM_TYPES
