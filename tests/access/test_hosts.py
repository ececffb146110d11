from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.access.hosts import (
    AllowedHosts,
    Host,
    allowed_hosts,
    is_loopback,
    parse_host,
    parse_hosts,
    reached_at,
    require_listenable,
)
from pipeline.core.errors import UsageError

OWN_NAME = socket.gethostname().lower()


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost", Host("localhost")),
        ("LocalHost:8501", Host("localhost", 8501)),
        ("slipway.example.com.", Host("slipway.example.com")),
        ("127.0.0.1:80", Host("127.0.0.1", 80)),
        ("[::1]:8501", Host("::1", 8501)),
        ("[0:0:0:0:0:0:0:1]", Host("::1")),
        ("my_container:8501", Host("my_container", 8501)),
    ],
)
def test_a_name_or_an_address_is_read(text: str, host: Host) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "a b", "localhost:", "localhost:x", "localhost:0", "localhost:65536", ":8501"),
        *("localhost:8640.evil.example", "localhost:8640:80", "user@localhost", "localhost/path"),
        *(
            "::1",
            "[localhost]",
            "[::1",
            "[127.0.0.1]",
            "127.1",
            "0x7f.1",
            "2130706433",
            "017.0.0.1",
        ),
        *("127.0.0.1.1", "10.*", "*", "*.example", "-a.example", "a..b", "localhost#", "x" * 254),
        *("localhost\n", "localhost\t:80", "löcalhost", "localhost:８５０１", "[fe80::1%25eth0]"),
    ],
)
def test_what_is_neither_is_not_guessed(text: str) -> None:
    assert parse_host(text) is None


@given(st.text(max_size=40))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    host = parse_host(text)
    assert host is None or (host.name and host.name == host.name.lower())
    if host:
        assert "evil" not in host.name or "evil" in text.lower()


@given(st.text("abc.:[]0127@/*", max_size=12))
def test_nothing_but_its_names_fits_a_server_of_the_loopback(text: str) -> None:
    host = parse_host(text)
    if host and allowed_hosts("127.0.0.1").has(host):
        assert host.address is not None
        assert host.address.is_loopback


@pytest.mark.parametrize(
    "text", ["localhost:9", "127.0.0.1:9", "127.0.0.2", "[::1]:9", "localhost"]
)
@pytest.mark.parametrize("listens_on", ["127.0.0.1", "localhost", "0.0.0.0", "::"])
def test_the_loopback_has_these_names(listens_on: str, text: str) -> None:
    assert has(allowed_hosts(listens_on), text)


@pytest.mark.parametrize(
    "text",
    [
        *("evil.example", "10.evil.example", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("10.0.0.1", "192.168.1.5", "0.0.0.0", "8.8.8.8", "172.evil.example", OWN_NAME + ".evil"),
    ],
)
def test_the_loopback_has_no_others(text: str) -> None:
    assert not has(allowed_hosts("127.0.0.1"), text)


def test_a_server_of_all_addresses_has_the_machines_names_and_addresses_that_are_local() -> None:
    hosts = allowed_hosts("0.0.0.0")
    for text in (OWN_NAME, f"{OWN_NAME}:8501", f"{OWN_NAME}.local", "10.1.2.3:8501", "192.168.0.9"):
        assert has(hosts, text), text
    for text in ("172.16.0.5", "100.64.1.1", "[fd00::7]:8501", "[fe80::1]"):
        assert has(hosts, text), text
    for text in ("evil.example", "10.evil.example", "8.8.8.8", "0.0.0.0", "[2001:4860::1]"):
        assert not has(hosts, text), text


def test_a_server_of_one_address_has_that_one_and_the_machines_names() -> None:
    hosts = allowed_hosts("192.168.7.7")
    assert has(hosts, "192.168.7.7:8501")
    assert has(hosts, OWN_NAME)
    assert not has(hosts, "192.168.7.8")
    assert has(allowed_hosts("lab-pc"), "LAB-PC:8501")
    assert has(allowed_hosts("::1"), "[::1]:8501")


def test_what_kubernetes_did_not_fill_in_is_nothing() -> None:
    assert parse_hosts(["$(SLIPWAY_ALLOWED_HOSTS)", "a.example"]) == {Host("a.example")}
    with pytest.raises(UsageError):
        parse_hosts(["$(a)b.example"])


def test_what_the_administrator_adds_counts_at_every_port() -> None:
    hosts = allowed_hosts("127.0.0.1", parse_hosts(["slipway.example", "b.example:8443", "::7"]))
    for text in ("slipway.example", "Slipway.Example:80", "b.example:8443", "b.example", "[::7]:9"):
        assert has(hosts, text), text
    for text in ("a.slipway.example", "slipway.example.evil", "b.example.evil:8443"):
        assert not has(hosts, text), text


@pytest.mark.parametrize("listens_on", ["", "0", "127.1", "a b", "localhost:8501:1", "*"])
def test_what_no_name_can_be_made_of_is_not_listened_on(listens_on: str) -> None:
    with pytest.raises(UsageError, match="--host"):
        require_listenable(listens_on)


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "::", "::1", "0.0.0.0", "localhost", "lab-pc"])
def test_names_and_addresses_are_listened_on_and_answered_to(listens_on: str) -> None:
    require_listenable(listens_on)
    assert has(allowed_hosts(listens_on), f"{reached_at(listens_on)}:8501")


def test_all_that_is_no_host_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_hosts(["fine.example", "*.example", "10.*", " ", "https://x.example"])
    for text in ("'*.example'", "'10.*'", "'https://x.example'", "SLIPWAY_ALLOWED_HOSTS"):
        assert text in str(caught.value)
    assert "fine.example'" not in str(caught.value)


@pytest.mark.parametrize(
    ("listens_on", "only_here", "reached"),
    [
        ("127.0.0.1", True, "127.0.0.1"),
        ("localhost", True, "localhost"),
        ("::1", True, "[::1]"),
        ("0.0.0.0", False, "127.0.0.1"),
        ("::", False, "127.0.0.1"),
        ("192.168.1.2", False, "192.168.1.2"),
        ("lab-pc", False, "lab-pc"),
    ],
)
def test_it_is_known_who_reaches_a_server(listens_on: str, only_here: bool, reached: str) -> None:
    assert is_loopback(listens_on) == only_here
    assert reached_at(listens_on) == reached


def has(hosts: AllowedHosts, text: str) -> bool:
    host = parse_host(text)
    assert host, text
    return hosts.has(host)
