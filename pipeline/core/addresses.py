"""Addresses as people may see them: no user, no password, no key in the query."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import unquote

from pipeline.core.query_keys import HIDDEN, without_keys

# Steps' logs go through here, so time is linear in the text: no user and password are longer.
_MOST_CHARS = 4096
# Behind a scheme, or where a word begins: ``/data//cam:1@site.pt`` is a path.
_SLASHES = re.compile(
    r"(?<![^\s:\"'`<(=,;|{\[])//(?!/)|(?<=http:)///+|(?<=https:)///+", re.IGNORECASE
)
# What follows the slashes of an address that says no user: a host, a port, and then its end.
_HOST = re.compile(
    r"(?>\[[^\]\s/]*\]|[^\s:/?#@\[\]\"<>]*)(?>(?::\d*)?)(?=[/?#\"<>]|[:,;.!)\]}'…]*(?:\s|$))"
)
_AUTHORITY_END = re.compile(r"[\s\"<>/?#]")
_QUERY = re.compile(r"[\s\"<>?#]")
_WORD_END = re.compile(r"[\s\"<>]")
# A server with a port, which says that a user may be before it even without a scheme. It is no
# file, whose lines are numbered, no digest, and no metric such as ``mAP@50:95``.
_FILE = r"[\w.-]*\.(?:(?:ya?ml|txt|csv|jsonl?|log|toml|cfg|ini|xml|onnx|jpe?g|png):|\w\w:\d{1,3}\b)"
_IP = r"\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3}"
_SERVER = re.compile(
    rf"@(?!sha\d+:)(?:(?P<ip>{_IP})|(?!{_FILE})(?=[\d.-]*[^\W\d_])[\w.-]{{1,253}}+)"
    r":(?P<port>\d{1,5})(?![A-Za-z0-9_@%+-]|[.:][A-Za-z0-9])",
    re.IGNORECASE,
)
_IN_USER = r"[^\s:/@\"'`<>()=,\[\]]"
_USER_PASSWORD = re.compile(
    rf"(?<!{_IN_USER})(?<!/)(?!(?:models|runs|file|dbfs|mlflow-artifacts):/|[a-z]:\\){_IN_USER}"
    r"{1,256}+:(?!//|\d+[/?#])",
    re.IGNORECASE,
)
_TOKEN = re.compile(rf"(?<!{_IN_USER})(?<!/)(?!git$){_IN_USER}{{1,256}}+$")
# Whoever knows the path of a webhook may post to it.
_WEBHOOK = re.compile(
    r"(?P<server>https?://(?:hooks?\.[^\s/?#\"'<>]+|[^\s/?#\"'<>]+"
    r"(?=/(?:[^\s/?#\"'<>]*(?<!:)/)*?(?:web)?hooks?\w*/)))/[^\s\"'<>]+",
    re.IGNORECASE,
)


def shown(text: str) -> str:
    """Give a message with addresses in it without what is secret of them.

    Names of files and people may look like parts of addresses. So an ``@`` counts in an address
    with a scheme, or where a server and a port follow; see `shown_address`.

    >>> shown("GET HTTPS://kim:p@ss@mlflow:5000/a?page=2&token=x fails")
    'GET HTTPS://mlflow:5000/a?page=2&token=… fails'
    >>> shown("kim:secret@kfp:8888 of kim@lab.org has no cam:1@site.pt")
    'kfp:8888 of kim@lab.org has no cam:1@site.pt'
    >>> shown("https://hooks.slack.com/services/T0/B0/x")
    'https://hooks.slack.com/…'
    """
    if "@" in text:
        text = _without_users(text)
        text = _without_users_of_ports(text)
    text = _WEBHOOK.sub(rf"\g<server>/{HIDDEN}", text) if "hook" in text.lower() else text
    return without_keys(text)


def shown_address(address: str) -> str:
    """Give what is known to be an address, such as a setting's value, without what is secret.

    >>> shown_address("kim:secret@kfp"), shown_address("secret@kfp:many/x")
    ('kfp', 'kfp:many/x')
    """
    is_plain = (
        "://" not in address and not address.startswith("/") and not re.search(r"\s", address)
    )
    line = _one_line(address)
    return (shown(f"//{line}")[2:] if is_plain else shown(line)).replace("\0", "\n")


def shown_webhook(address: str) -> str:
    """Give no more of a webhook's address than its server."""
    scheme, slashes, rest = shown_address(address).rpartition("://")
    return f"{scheme}{slashes}{re.split('[/?#]', rest)[0]}/{HIDDEN}" if address else ""


def bare(address: str) -> str:
    """Give an address that can be used but opens nothing: also no query, if a key is in it.

    >>> bare("http://kim:secret@mlflow:5000/a"), bare("http://mlflow/?key=x"), bare("sqlite:///a")
    ('http://mlflow:5000/a', 'http://mlflow/', 'sqlite:///a')
    """
    said = shown_address(address)
    if said.count(HIDDEN) == address.count(HIDDEN):
        return said
    return re.split("[?#;]", said)[0].rstrip(HIDDEN)


def server_key(address: str) -> str:
    """Tell servers apart by something that may be stored; one server's users have the same.

    >>> server_key("http://kim:secret@mlflow")
    'http://mlflow'
    """
    said = bare(address)
    line = _one_line(address)
    plain = _without_users(line if "://" in line else f"//{line}").removeprefix("//")
    return said if said == plain else f"{said} {sha256(plain.encode()).hexdigest()[:8]}"


def is_secret(address: str) -> bool:
    """Say whether there is something in an address that not everybody may know."""
    return shown_address(address) != address


def basic_auth(address: str) -> tuple[str, str]:
    """Take user and password out of an address, which not every client does by itself.

    Returns
    -------
    tuple
        The address without them, and what the header ``Authorization`` says; empty without a user.
    """
    start = address.find("://") + 3
    end = _end_of_user(_one_line(address), start) if start > 2 else start
    if end <= start:
        return address, ""
    user, _, password = address[start : end - 1].partition(":")
    both = f"{unquote(user)}:{unquote(password)}"
    return address[:start] + address[end:], f"Basic {b64encode(both.encode()).decode()}"


def _one_line(address: str) -> str:
    """Give an address in which no password ends with the line, as addresses in a message do."""
    return address.replace("\n", "\0")


def _without_users(text: str) -> str:
    parts, place = [], 0
    for slashes in _SLASHES.finditer(text):
        if slashes.start() >= place:
            parts.append(text[place : slashes.end()])
            place = _end_of_user(text, slashes.end())
    return "".join([*parts, text[place:]])


def _end_of_user(text: str, start: int) -> int:
    """Give where the host begins; passwords may hold what addresses must write in percent.

    An ``@`` behind a host and a port is the path's, unless there was a user already.
    """
    most = min(start + _MOST_CHARS, len(text))
    if text.find("@", start, most) < 0:
        return start
    ends = (text.find("\n", start, most), text.find("://", start, most))
    end = min((place for place in ends if place >= 0), default=most)
    if text.find("@", start, end) < 0:
        return start
    if text.find("@", start, _place(_AUTHORITY_END, text, start, end)) >= 0:
        return text.rfind("@", start, _place(_QUERY, text, start, end)) + 1
    if _HOST.match(text, start):
        return start
    # Else a slash, a blank or the like is in the password.
    found = text.rfind("@", start, _place(_WORD_END, text, start, end))
    return (found if found >= 0 else text.find("@", start, end)) + 1


def _without_users_of_ports(text: str) -> str:
    parts, place, searched = [], 0, 0
    for server in _SERVER.finditer(text):
        start = max(searched, server.start() - _MOST_CHARS)
        *_, word = _WORD_END.split(text[start : server.start()])
        if user := _USER_PASSWORD.search(word) or _token(word, server):
            parts.append(text[place : server.start() - len(word) + user.start()])
            place = server.start() + 1
        searched = server.end()
    return "".join([*parts, text[place:]])


def _token(word: str, server: re.Match[str]) -> re.Match[str] | None:
    """Find a user without a password, who is one only if no line or count can follow the name."""
    is_port = server["ip"] or server["port"] == "80" or len(server["port"]) > 2
    return _TOKEN.search(word) if is_port else None


def _place(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    found = pattern.search(text, start, end)
    return found.start() if found else end
