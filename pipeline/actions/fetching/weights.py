"""Fetching official weights into ``weights/`` of the volume."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.actions.fetching.published_digest import published_digest
from pipeline.actions.fetching.web import TIMEOUT_S, reading
from pipeline.actions.installation import Installation
from pipeline.core.addresses import shown
from pipeline.core.errors import FileMissing, InputError, NotFound, Unreachable
from pipeline.core.files import make_folder
from pipeline.core.official_weights import NAMES
from pipeline.core.said import said
from pipeline.core.volume.paths import FOLDERS, Volume
from pipeline.core.weights.check import require_sound

# The largest detector has about 0.3 GB.
MAX_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 18
_LEFT_BEHIND_S = 3600.0

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Fetched:
    """Weights that were fetched.

    Parameters
    ----------
    name, path
        The file, and where it is, relative to the volume.
    bytes, sha256
        Its size, and the SHA-256 that was computed from what arrived.
    compared_with
        Address of what `sha256` was compared with and is equal to; empty when there is nothing.
    why_not
        Why it was not compared, as a sentence.
    """

    name: str
    path: str
    bytes: int
    sha256: str
    compared_with: str = ""
    why_not: str = ""


def url_of(here: Installation, name: str) -> str:
    """Give the address that a file is fetched from, as people may see it."""
    return shown(_url(here, name))


def place_of(here: Installation, name: str) -> Path:
    """Give the file that it becomes."""
    return here.settings.volume / FOLDERS["model"] / name


def where_it_is(here: Installation, name: str) -> str:
    """Give the file of this name that the volume has, relative to it; empty when there is none."""
    try:
        return here.volume.resolve("model", name).path
    except (FileMissing, InputError):
        return ""


def fetch(
    here: Installation,
    name: str,
    watch: Watch = lambda done, total: None,
    *,
    max_bytes: int = MAX_BYTES,
    timeout_s: float = TIMEOUT_S,
) -> Fetched:
    """Fetch a file whole and checked, or not at all.

    Parameters
    ----------
    watch
        Told of the bytes that arrived and of all there are (0: not known); what it raises ends it.
    timeout_s
        How long the server may say nothing.

    Raises
    ------
    NotFound
        There are no official weights of this name, or the server does not have them.
    InputError
        It is there already, the volume cannot be written, or what arrived is not the file.
    Unreachable
        The server does not answer, or breaks off.
    """
    if name not in NAMES:
        raise NotFound(
            said("'{name}' is none of the official weights that are known.", name=name),
            where="weights",
            next=said("List them with 'slipway weights'."),
        )
    _check_free(here, name)
    path = place_of(here, name)
    with _temporary(path) as file:
        fetched = _receive(here, name, file, watch, max_bytes, timeout_s)
        watch(fetched.bytes, fetched.bytes)
        _check_free(here, name)
        with _writing(path):
            os.replace(file.name, path)
    return fetched


def _check_free(here: Installation, name: str) -> None:
    Volume(here.settings.volume).path(f"{FOLDERS['model']}/{name}")  # a link may lead outside
    if there := where_it_is(here, name):
        raise InputError(
            said("{there} is on the volume already.", there=there),
            where="weights",
            next=said("Rename it to fetch anew."),
        )


@contextmanager
def _temporary(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path`; unless it was renamed, it is gone afterwards."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _writing(path):
        make_folder(path.parent)
        for left in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_S:
                left.unlink(missing_ok=True)
        file = open(temporary, "xb")  # noqa: SIM115 - closed below
    try:
        yield file
    finally:
        with suppress(OSError):  # of a full disk again, for what is buffered and not wanted
            file.close()
        temporary.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as reason:
        raise InputError(
            said(
                "{path} cannot be written: {reason}.", path=path, reason=reason.strerror or reason
            ),
            where="SLIPWAY_VOLUME",
            next=said("See to the volume's free space and permissions."),
        ) from reason


def _receive(
    here: Installation, name: str, file: BinaryIO, watch: Watch, max_bytes: int, timeout_s: float
) -> Fetched:
    """Download and check a file; what goes wrong says how to do without this."""
    url, path = url_of(here, name), place_of(here, name)
    try:
        size_bytes, sha256 = _download(_url(here, name), file, path, watch, max_bytes, timeout_s)
        _check_whole(Path(file.name), url)
        published = published_digest(
            here.settings.weights_url.rstrip("/"), name, timeout_s=timeout_s
        )
        if published.sha256 not in ("", sha256):
            raise InputError(
                said(
                    "what {url} gave has the SHA-256 {sha256}, but {source} says {published}; "
                    "nothing was kept.",
                    url=url,
                    sha256=sha256,
                    source=published.source,
                    published=published.sha256,
                ),
                next=said("Fetch it again; if it comes again, do not trust that server."),
            )
        _check_content(Path(file.name), name, here.settings.weights_allow)
    except (NotFound, InputError, Unreachable) as reason:
        next_steps = said("Or get {url} elsewhere and put it at {path}.", url=url, path=path)
        if reason.next:
            next_steps = said("{first} {then}", first=reason.next, then=next_steps)
        raise type(reason)(reason.message, where=reason.where, next=next_steps) from reason
    source = published.source if published.sha256 else ""
    relative = f"{FOLDERS['model']}/{name}"
    return Fetched(name, relative, size_bytes, sha256, source, published.why)


def _url(here: Installation, name: str) -> str:
    return f"{here.settings.weights_url.rstrip('/')}/{name}"


def _download(
    url: str, file: BinaryIO, path: Path, watch: Watch, max_bytes: int, timeout_s: float
) -> tuple[int, str]:
    """Write what the server gives; its size in bytes and SHA-256."""
    done, digest = 0, hashlib.sha256()
    with reading(url, timeout_s=timeout_s) as response:
        total = response.length or 0
        watch(done, total)
        while chunk := response.read1(_CHUNK_BYTES):
            done += len(chunk)
            if max(done, total) > max_bytes:
                raise InputError(
                    said(
                        "{url} has more than {most:,} bytes, as no weights of a detector have.",
                        url=url,
                        most=max_bytes,
                    )
                )
            digest.update(chunk)
            with _writing(path):
                file.write(chunk)
            watch(done, total)
    if done < total:
        raise Unreachable(
            said(
                "{url} broke off after {done:,} of {total:,} bytes.",
                url=url,
                done=done,
                total=total,
            ),
            next=said("Try again."),
        )
    with _writing(path):
        file.flush()
        os.fsync(file.fileno())
    return done, digest.hexdigest()


def _check_content(path: Path, name: str, allow: Collection[str]) -> None:
    """Refuse weights that would run what is not a model's; nothing of them is loaded."""
    with open(path, "rb") as file:
        require_sound(file, name, allow)


def _check_whole(path: Path, url: str) -> None:
    """Refuse what is no archive, such as a proxy's page to log in."""
    if not zipfile.is_zipfile(path):
        raise InputError(
            said(
                "what {url} gave is no whole file of weights (a zip archive); nothing was kept.",
                url=url,
            ),
            next=said("Look at that address in a browser."),
        )
