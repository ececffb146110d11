"""What a server says the SHA-256 of its files is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pipeline.actions.fetching.web import reading
from pipeline.core.addresses import shown
from pipeline.core.errors import InputError, NotFound, Unreachable
from pipeline.core.said import said

_RELEASE = re.compile(
    r"(?P<server>https?://(?P<host>[^/]+))/(?P<repo>[^/]+/[^/]+)/releases/download/(?P<tag>[^/]+)"
)
_SUMS = "SHA256SUMS"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Published:
    """What is published about a file.

    Parameters
    ----------
    sha256
        64 hex digits; empty when none is published or it cannot be had.
    source
        Where that is published.
    why
        Why there is none, as a sentence.
    """

    sha256: str = ""
    source: str = ""
    why: str = ""


def published_digest(base: str, name: str, *, timeout_s: float) -> Published:
    """Ask for a file's SHA-256; nothing is raised, as there need not be one.

    A release on GitHub has it as ``digest`` of the asset, which the REST API gives ("Get a release
    by tag name"); GitHub Enterprise Server has that API under ``/api/v3``. Any other server may
    have a file ``SHA256SUMS`` beside the files, as sha256sum writes it.

    Parameters
    ----------
    base
        Address of the folder that the file is in.
    """
    release = _RELEASE.fullmatch(base)
    url = _release_url(release) if release else f"{base}/{_SUMS}"
    try:
        text = _text(url, timeout_s)
        found = _in_release(text, name) if release else _in_sums(text, name)
    except (NotFound, InputError, Unreachable) as reason:
        return Published(source=shown(url), why=reason.message)
    if not found:
        return Published(source=shown(url), why=f"{shown(url)} says none of {name}.")
    return Published(found, shown(url))


def _release_url(release: re.Match[str]) -> str:
    server = release["server"]
    api = "https://api.github.com" if release["host"] == "github.com" else f"{server}/api/v3"
    return f"{api}/repos/{release['repo']}/releases/tags/{release['tag']}"


def _text(url: str, timeout_s: float) -> str:
    with reading(url, accept="application/vnd.github+json, */*", timeout_s=timeout_s) as response:
        data = response.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InputError(said("{url} is larger than {most:,} bytes.", url=url, most=_MOST_BYTES))
    return data.decode("utf-8", "replace")


def _in_release(text: str, name: str) -> str:
    try:
        document = json.loads(text)
    except ValueError as reason:
        raise InputError(said("the answer about the release is no JSON.")) from reason
    assets: Any = document.get("assets") if isinstance(document, dict) else None
    for asset in assets if isinstance(assets, list) else ():
        if isinstance(asset, dict) and asset.get("name") == name:
            digest = re.fullmatch(r"sha256:([0-9a-f]{64})", str(asset.get("digest")))
            return digest[1] if digest else ""
    return ""


def _in_sums(text: str, name: str) -> str:
    line = re.compile(rf"(?P<sha256>[0-9a-fA-F]{{64}}) [ *](\./)?{re.escape(name)}")
    found = next(filter(None, map(line.fullmatch, text.splitlines())), None)
    return found["sha256"].lower() if found else ""
