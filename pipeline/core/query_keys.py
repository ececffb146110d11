"""Which values in the query of an address are keys: by their name, or because they look drawn."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "…"

# Words, of the characters that addresses are made of, with a ``=`` in them. Each is read once.
_WORD = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>=]*+=[^\s\"'<>]*+")
_PAIR = re.compile(r"(?<=[?&;#])([^=&;#?]+)=([^&;#]+)")
# A scheme, or a path that a query follows: elsewhere ``a;code=5`` is no address.
_ADDRESS = re.compile(r"://|^[^?#]*/[^?#]*[?#]|^[?#]")
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Names that say it anywhere, such as in a database's ``Server=db;Password=…``.
_SECRET_NAME = (
    r"tokens?|secrets?|password|passwd|passphrase|pwd|signature|credentials?|cookie|jwt|bearer"
    r"|authorization|(?:api|access|secret|auth|private)key|(?:access|auth|id|refresh|session)token"
    r"|clientsecret|j?sessionid|phpsessid"
)
_ANYWHERE = re.compile(_SECRET_NAME)
_IN_ADDRESS = re.compile(
    rf"{_SECRET_NAME}|keys?|pass|pw|sig|creds?|auth|code|session|sid|user|username|login|hmac|amz|goog"
)
_NO_KEYS = re.compile(r"(?:metric|sort|group|order|public)[_-]?keys?", re.IGNORECASE)
# What is shorter may be a name or a date.
_LEAST_CHARS = 20
_HEX = re.compile(
    r"(?<![0-9a-z])(?<!sha256:)(?:[0-9a-f]{24,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.")
# Where one kind of character follows another: all over in what was drawn, seldom in names.
_CHANGE = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[a-z0-9])|[0-9](?=[A-Za-z])")


def without_keys(text: str) -> str:
    """Give a text with its addresses, without the values in their queries that are keys.

    >>> without_keys("http://h/run?id=2026-shapes-yolov8n-k3f9&api_key=x by author=kim")
    'http://h/run?id=2026-shapes-yolov8n-k3f9&api_key=… by author=kim'
    """
    return _WORD.sub(_in_word, text) if any(mark in text for mark in "?&;#") else text


def _in_word(word: re.Match[str]) -> str:
    address = _ADDRESS.search(word[0])
    start = address.end() if address else len(word[0])  # what is before it is no part of it
    return _PAIR.sub(lambda pair: _said(pair, is_address=pair.start() >= start), word[0])


def _said(pair: re.Match[str], *, is_address: bool) -> str:
    name, value = unquote(pair[1]), unquote(pair[2])
    names = _IN_ADDRESS if is_address else _ANYWHERE
    is_named_so = any(names.fullmatch(part.lower()) for part in _NAME_PART.findall(name))
    is_key = is_named_so and not _NO_KEYS.fullmatch(name)
    is_key = is_key or (is_address and _looks_drawn(value))
    return f"{pair[1]}={HIDDEN}" if is_key else pair[0]


def _looks_drawn(value: str) -> bool:
    if _HEX.search(value) or _JWT.match(value):
        return True
    is_mixed = all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    changes = len(_CHANGE.findall(value))
    return len(value) >= _LEAST_CHARS and is_mixed and 4 * changes >= len(value)
