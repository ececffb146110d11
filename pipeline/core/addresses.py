"""Addresses as people may see them: no user, no password, no key in the query."""

from __future__ import annotations

import re
from base64 import b64encode
from urllib.parse import unquote

HIDDEN = "…"
# A value that is as long as a key is taken for one, whatever its name.
_KEY_CHARS = 20

_QUERY = re.compile(r"(?<=[?&;#])([^\s=&;#?\"'<>]+)=([^\s&;#\"'<>]+)")
_SECRET = re.compile(
    r"token|key|pass|pwd|pw$|secret|sig|cred|auth|session|cookie|jwt|code|user|login|amz|goog|hmac",
    re.IGNORECASE,
)
# What follows the slashes of an address that says no user: a host, a port, and then its end.
_HOST = re.compile(
    r"(?>\[[^\]\s]*\]|[^\s:/?#@\[\]\"<>]*)(?>(?::\d*)?)(?=[/?#\"<>]|[:,;.!)\]}'…]*(?:\s|$))"
)
_SLASHES = re.compile(r"(?<!/)//(?!/)|(?<=http:)///+|(?<=https:)///+", re.IGNORECASE)
# Limits, and a start where no user goes on: text of any length is read in time linear in it.
_IN_USER = r"[^\s:/@\"'<>()=,\[\]]"
# ``user:password@`` where no scheme is before it, and ``user@`` where only a server can follow.
_NO_SCHEME = re.compile(
    rf"(?<!{_IN_USER})(?!(?:models|runs|file|dbfs|mlflow-artifacts):/){_IN_USER}{{1,256}}+"
    r":(?!//|\d+[/?#])[^\s\"<>]{0,4096}@(?=[\w\[.-])(?!sha\d+:)"
)
_USER_ONLY = re.compile(
    rf"(?<!{_IN_USER}){_IN_USER}{{1,256}}+@"
    r"(?=(?:[\w.-]+|\[[0-9a-fA-F:.]+\]):\d)(?!sha\d+:)"
)
_WHOLE_USER = re.compile(r"^[^\s/@]+@(?=[\w.\[\]:-]+(?:[/?#]\S*)?$)(?!sha\d+:)")
# Whoever knows the path of a webhook may post to it.
_WEBHOOK = re.compile(
    r"(?P<server>https?://(?:hooks?\.[^\s/?#\"'<>]+|[^\s/?#\"'<>]+(?=/(?:[^\s?#\"'<>]*/)?"
    r"(?:web)?hooks?\w*/)))/[^\s\"'<>]+",
    re.IGNORECASE,
)


def shown(text: str) -> str:
    """Give an address, or a message with addresses in it, without what is secret of them.

    >>> shown("GET HTTPS://kim:p@ss@mlflow:5000/a?page=2&token=x fails")
    'GET HTTPS://mlflow:5000/a?page=2&token=… fails'
    >>> shown("kim:secret@kfp:8888"), shown("https://hooks.slack.com/services/T0/B0/x")
    ('kfp:8888', 'https://hooks.slack.com/…')
    """
    if not any(mark in text for mark in "@?;#/"):
        return text
    text = _without_users(text) if "@" in text else text
    text = _WEBHOOK.sub(rf"\g<server>/{HIDDEN}", text) if "hook" in text.lower() else text
    return _QUERY.sub(_shown_value, text)


def shown_webhook(address: str) -> str:
    """Give no more of a webhook's address than its server."""
    scheme, slashes, rest = shown(address).rpartition("://")
    return f"{scheme}{slashes}{re.split('[/?#]', rest)[0]}/{HIDDEN}" if address else ""


def bare(address: str) -> str:
    """Give an address that can be used but opens nothing: also no query, if a key is in it.

    >>> bare("http://kim:secret@mlflow:5000/a"), bare("http://mlflow/?key=x"), bare("sqlite:///a")
    ('http://mlflow:5000/a', 'http://mlflow/', 'sqlite:///a')
    """
    said = shown(address)
    return re.split("[?#]", said)[0] if HIDDEN in said and HIDDEN not in address else said


def is_secret(address: str) -> bool:
    """Say whether there is something in an address that not everybody may know."""
    return shown(address) != address


def basic_auth(address: str) -> tuple[str, str]:
    """Take user and password out of an address, which not every client does by itself.

    Returns
    -------
    tuple
        The address without them, and what the header ``Authorization`` says; empty without a user.
    """
    start = address.find("://") + 3
    end = _end_of_user(address, start) if start > 2 else start
    if end <= start:
        return address, ""
    user, _, password = address[start : end - 1].partition(":")
    both = f"{unquote(user)}:{unquote(password)}"
    return address[:start] + address[end:], f"Basic {b64encode(both.encode()).decode()}"


def _without_users(text: str) -> str:
    parts, place = [], 0
    for slashes in _SLASHES.finditer(text):
        if slashes.start() >= place:
            parts.append(text[place : slashes.end()])
            place = _end_of_user(text, slashes.end())
    text = "".join([*parts, text[place:]])
    text = _USER_ONLY.sub("", _NO_SCHEME.sub("", text))
    return text if re.search(r"\s", text) else _WHOLE_USER.sub("", text)


def _end_of_user(text: str, start: int) -> int:
    """Give where the host begins; passwords may hold what addresses must write in percent.

    An ``@`` behind a host and a port is the path's, unless there was a user already.
    """
    line = text[start:].partition("\n")[0].partition("://")[0]
    token = re.split(r"[\s\"<>]", line)[0]
    if "@" in re.split("[/?#]", token)[0]:
        return start + re.split("[?#]", token)[0].rfind("@") + 1
    if _HOST.match(text, start):
        return start
    # Else a slash, a blank or the like is in the password.
    return start + (token.rfind("@") if "@" in token else line.find("@")) + 1


def _shown_value(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    is_key = _SECRET.search(unquote(name)) or len(value) >= _KEY_CHARS
    return f"{name}={HIDDEN}" if is_key else match[0]
