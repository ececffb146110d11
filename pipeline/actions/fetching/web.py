"""Reading from web servers; what goes wrong on the way is one of our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from pipeline.core.addresses import basic_auth, shown
from pipeline.core.errors import FileMissing, Unreachable
from pipeline.core.said import said

TIMEOUT_S = 20.0


@contextmanager
def reading(
    url: str, *, accept: str = "*/*", timeout_s: float = TIMEOUT_S
) -> Iterator[HTTPResponse]:
    """Open an address, through the proxy that ``https_proxy`` and its like name.

    User and password in the address are sent as the server wants them, and never said.

    An `OSError` in the block counts as the server's: wrap those of other things there.

    Parameters
    ----------
    timeout_s
        How long the server may say nothing.

    Raises
    ------
    FileMissing
        The server does not have it.
    Unreachable
        The server does not answer, answers with an error, or breaks off.
    """
    plain, login = basic_auth(url)
    request = Request(plain, headers={"User-Agent": "slipway", "Accept": accept})
    if login:
        request.add_unredirected_header("Authorization", login)
    url = shown(url)
    host = urlsplit(url).netloc
    try:
        with urlopen(request, timeout=timeout_s) as response:
            yield response
    except HTTPError as reason:
        reason.close()
        if reason.code in (404, 410):
            raise FileMissing(
                said("{url} does not exist (HTTP {code}).", url=url, code=reason.code),
                next=said("Check the address."),
            ) from reason
        raise Unreachable(
            said(
                "{host} answered with HTTP {code} {reason}.",
                host=host,
                code=reason.code,
                reason=reason.reason,
            ),
            next=said("Try again later."),
        ) from reason
    except (OSError, HTTPException, UnicodeError) as reason:  # the last: no name of a host
        why = getattr(reason, "reason", None) or reason
        text = getattr(why, "strerror", None) or str(why) or type(why).__name__
        raise Unreachable(
            said("{host} cannot be reached: {reason}.", host=host, reason=text),
            next=said("Check network and proxy."),
        ) from reason
