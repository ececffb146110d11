"""The names and addresses under which a server of ours answers.

A web page may give any name the address of this machine ("DNS rebinding"); what the browser then
sends still has that name in ``Host``. So a server answers to the names that it was started for, and
to addresses, which no page can make point elsewhere. Names are compared whole, addresses parsed.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from pipeline.core.errors import UsageError

LOOPBACK = "127.0.0.1"
WILDCARDS = ("0.0.0.0", "::")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 1123, 2.1: letters, digits and hyphens; underscores are no host names, but Docker makes them.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MOST_LETTERS = 253
_NOT_SET = re.compile(r"\$\([A-Z_]+\)")


@dataclass(frozen=True)
class Host:
    """A name or an address, with the port if one is said.

    Parameters
    ----------
    name
        Lower case, no dot at its end; an IPv6 address without brackets, in its short form.
    port
        None where none is said.
    """

    name: str
    port: int | None = None

    @property
    def address(self) -> _Address | None:
        """The address, if it is one and no name."""
        return _address(self.name)


@dataclass(frozen=True)
class AllowedHosts:
    """What a server answers to.

    Parameters
    ----------
    names
        Names and addresses that it was started for, without ports.
    given
        What the administrator added: for a proxy in front. A page of such a host, at its port or
        at those of the web where it has none, is one of ours.
    any_local_address
        Also every address that is not one of the internet, and this machine's own: it listens on
        all of them, and a container does not know under which of its host's it is seen.
    """

    names: frozenset[str]
    given: frozenset[Host] = frozenset()
    any_local_address: bool = False

    def has(self, host: Host) -> bool:
        """Say whether the server answers to what stands in ``Host``."""
        if host.name in self.names or host.name in {entry.name for entry in self.given}:
            return True
        address = host.address
        if address is None:
            return False
        if not self.any_local_address:
            return address.is_loopback and LOOPBACK in self.names
        is_of_the_internet = address.is_global or address.is_unspecified
        return not is_of_the_internet or host.name in _own_addresses()


def parse_host(text: str) -> Host | None:
    """Read ``name``, ``name:port``, ``1.2.3.4:port`` or ``[::1]:port``; None when it is neither.

    Nothing is guessed: no user, no path, no blank, no number that is another way to write an
    address, for browsers and resolvers differ in what they make of those (RFC 3986, 3.2.2).
    """
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{1,5}))?", text, re.ASCII)
    if not found:
        return None
    port = int(found[2]) if found[2] else None
    if port is not None and not 0 < port < 65536:
        return None
    name = found[1].lower()
    if name.startswith("["):
        address = _address(name[1:-1])
        return Host(str(address), port) if address and address.version == 6 else None
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > _MOST_LETTERS or not all(map(_LABEL.fullmatch, labels)):
        return None
    looks_like_address = labels[-1].isdigit() or labels[-1].startswith("0x")
    return None if looks_like_address and _address(name) is None else Host(name, port)


def parse_hosts(entries: Iterable[str], *, where: str = "SLIPWAY_ALLOWED_HOSTS") -> frozenset[Host]:
    """Read the hosts that an administrator adds.

    Raises
    ------
    UsageError
        One of them is no name and no address; all of them are named at once.
    """
    # Kubernetes leaves `$(NAME)` of a variable that is not set as it is.
    stripped = [entry.strip() for entry in entries]
    texts = [entry for entry in stripped if entry and not _NOT_SET.fullmatch(entry)]
    hosts = {text: parse_host(text) or parse_host(f"[{text}]") for text in texts}
    wrong = [text for text, host in hosts.items() if host is None]
    if wrong:
        raise UsageError(
            f"{', '.join(map(repr, wrong))}: not a host.",
            where=where,
            next="Write names or addresses in full, with commas between: "
            "slipway.example.com,slipway.example.com:8443,10.0.0.7. There are no wildcards.",
        )
    return frozenset(host for host in hosts.values() if host)


def allowed_hosts(listens_on: str, given: Iterable[Host] = ()) -> AllowedHosts:
    """Give what a server answers to that listens on this name or address.

    Parameters
    ----------
    listens_on
        As in ``--host``: an address, a name of this machine, or all addresses (``0.0.0.0``).
    given
        Hosts that the administrator added.
    """
    listened = parse_host(listens_on) or parse_host(f"[{listens_on}]") or Host(listens_on.lower())
    address = listened.address
    is_everywhere = listens_on in WILDCARDS
    names = set() if is_everywhere else {listened.name}
    if is_everywhere or listened.name == "localhost" or (address and address.is_loopback):
        names |= {"localhost", LOOPBACK, "::1"}
    if not (address and address.is_loopback) and listened.name != "localhost":
        names |= _own_names()
    return AllowedHosts(frozenset(names), frozenset(given), any_local_address=is_everywhere)


def require_listenable(listens_on: str) -> None:
    """Refuse what `allowed_hosts` could make no name of, such as ``0`` or ``127.1``.

    Raises
    ------
    UsageError
        It is no name and no address.
    """
    if not (parse_host(listens_on) or parse_host(f"[{listens_on}]")):
        raise UsageError(
            f"'{listens_on}' is no name and no address to listen on.",
            where="--host",
            next="Write 127.0.0.1 for this machine alone, or 0.0.0.0 for all of its addresses.",
        )


def is_loopback(listens_on: str) -> bool:
    """Say whether only this machine reaches a server that listens on this."""
    host = parse_host(listens_on) or parse_host(f"[{listens_on}]")
    address = host.address if host else None
    return bool(address and address.is_loopback) or listens_on.lower() == "localhost"


def reached_at(listens_on: str) -> str:
    """Give the host of an address by which this machine reaches a server that listens on this."""
    host = LOOPBACK if listens_on in WILDCARDS else listens_on
    return f"[{host}]" if ":" in host else host


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, socket.getfqdn().lower(), f"{name}.local"}  # the last one by multicast DNS


def _own_addresses() -> set[str]:
    entries = (entry for found in psutil.net_if_addrs().values() for entry in found)
    return {entry.address for entry in entries if entry.family in (socket.AF_INET, socket.AF_INET6)}


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
