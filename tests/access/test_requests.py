from __future__ import annotations

import pytest

from pipeline.access.hosts import allowed_hosts, parse_hosts
from pipeline.access.requests import refusal

HOSTS = allowed_hosts("127.0.0.1", parse_hosts(["slipway.example", "lab.example:8443"]))
JSON = {"content_type": "application/json"}


def refused(method: str = "GET", host: str = "127.0.0.1:8640", **headers: str) -> str:
    """Give the kind of refusal; empty where the request is answered."""
    sent = {"host": host, **{name.replace("_", "-"): text for name, text in headers.items()}}
    found = refusal(
        [(name.encode(), text.encode()) for name, text in sent.items() if text], method, HOSTS
    )
    return found.kind if found else ""


@pytest.mark.parametrize(
    "host", ["evil.example:8640", "", "localhost:8640.evil.example", "10.0.0.1"]
)
def test_a_foreign_name_is_refused_whatever_else_is_sent(host: str) -> None:
    assert refused(host=host) == "host"
    assert refused(host=host, origin=f"http://{host}") == "host"


def test_two_hosts_are_none() -> None:
    twice = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]
    found = refusal(twice, "GET", HOSTS)
    assert found is not None
    assert found.kind == "host"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize(
    "origin",
    [
        *(
            "http://evil.example",
            "null",
            "http://127.0.0.1:9999",
            "http://localhost:8640",
            "file://",
        ),
        *("https://127.0.0.1", "http://127.0.0.1:8640.evil.example", "http://127.0.0.1:8640@evil"),
        *(
            "http://127.0.0.1",
            "http://lab.example",
            "https://lab.example:9",
            "ftp://127.0.0.1:8640",
        ),
        *(
            "http://slipway.example:9999",
            "http://127.0.0.1:8640, http://evil.example",
            "127.0.0.1:8640",
        ),
    ],
)
def test_a_page_of_another_origin_is_refused(method: str, origin: str) -> None:
    assert refused(method, origin=origin, **JSON) == "page"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8640", "http://127.0.0.1:8640"),
        ("localhost:8640", "http://LOCALHOST:8640"),
        ("[::1]:8640", "http://[::1]:8640"),
        ("slipway.example", "https://slipway.example"),
        ("slipway.example", "http://slipway.example:80"),
        ("127.0.0.1:8640", "https://slipway.example"),  # the proxy calls us by our address
        ("127.0.0.1:8640", "https://lab.example:8443"),
    ],
)
def test_a_page_of_ours_may_read_and_change(host: str, origin: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert refused(method, host, origin=origin) == ""


def test_pictures_scripts_and_frames_of_foreign_pages_are_refused_and_links_are_not() -> None:
    for site in ("cross-site", "same-site"):
        for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")):
            sent = {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": dest}
            assert refused(**sent) == "page", sent
        link = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
        assert refused(**link) == ""
        assert refused("POST", **link) == "page"


def test_what_a_proxy_says_it_is_called_must_be_allowed() -> None:
    assert refused(x_forwarded_host="elsewhere.example") == "host"
    assert refused(x_forwarded_host="slipway.example") == ""
    assert refused(x_forwarded_host="127.0.0.1:8640") == ""
    assert refused(x_forwarded_host="slipway.example, inner.example") == ""


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_browser_calls_our_own_is(site: str) -> None:
    assert refused(sec_fetch_site=site, sec_fetch_mode="cors", sec_fetch_dest="empty") == ""


def test_programs_that_send_what_no_form_can_are_answered() -> None:
    assert refused("POST", **JSON) == ""
    assert refused("POST", content_type="application/x-protobuf") == ""
    assert refused("PUT", content_type="text/plain") == ""
    assert refused("DELETE") == ""


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "TEXT/Plain; charset=x", "application/x-www-form-urlencoded"]
)
def test_a_change_that_a_form_could_send_wants_a_proof(kind: str) -> None:
    assert refused("POST", content_type=kind) == "proof"
    assert refused("POST", content_type=kind, origin="http://127.0.0.1:8640") == ""
    assert refused("POST", content_type=kind, sec_fetch_site="same-origin") == ""
