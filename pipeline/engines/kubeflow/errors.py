"""The one edge at which exceptions of the KFP and Kubernetes clients become ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.core.errors import EngineUnreachable, InputError, NotFound, SlipwayError
from pipeline.core.said import said


@contextmanager
def translated(endpoint: str) -> Iterator[None]:
    """Turn what the clients raise inside the block into Slipway's exceptions.

    ======================== ===================================
    401, 403                 EngineUnreachable (credentials)
    404                      NotFound
    400, 409, 412, 422       InputError, with the server's words
    other statuses           EngineUnreachable
    no connection, time-out  EngineUnreachable
    an answer that no one can read  EngineUnreachable
    ======================== ===================================

    Parameters
    ----------
    endpoint
        The address that is asked, for the message.
    """
    # The clients take most of a second to import, and only whoever asks the cluster needs them.
    import kfp_server_api
    from kfp_server_api.rest import urllib3

    try:
        yield
    except SlipwayError:
        raise
    except kfp_server_api.ApiException as reason:
        raise _of_status(endpoint, reason.status, reason.reason, reason.body) from reason
    except urllib3.exceptions.HTTPError as reason:
        raise _unreachable(endpoint, _connection_words(reason)) from reason
    except (ValueError, kfp_server_api.OpenApiException) as reason:
        raise EngineUnreachable(
            said(
                "{endpoint} answers with something that is no KFP answer, such as a login page.",
                endpoint=endpoint,
            ),
            next=said("Check KFP_ENDPOINT, and KFP_COOKIE or KFP_TOKEN."),
        ) from reason
    except Exception as reason:
        if not _is_kubernetes(reason):
            raise
        status = getattr(reason, "status", 0)
        body = getattr(reason, "body", "")
        raise _of_status("Kubernetes", status, getattr(reason, "reason", ""), body) from reason


def _of_status(endpoint: str, status: int | None, reason: object, body: object) -> SlipwayError:
    words = _words(body) or str(reason or "") or said("no reason given")
    if "Incorrect string value" in words:
        return InputError(
            said("KFP's database does not take these characters; it keeps Latin-1 only."),
            next=said("Use names of ASCII characters, or have the database converted to utf8mb4."),
        )
    if status in (401, 403):
        return EngineUnreachable(
            said(
                "{endpoint} refuses these credentials ({status}): {words}.",
                endpoint=endpoint,
                status=status,
                words=words,
            ),
            next=said("Set KFP_TOKEN or KFP_COOKIE anew, or have the account allowed."),
        )
    if status == 404:
        return NotFound(
            said("{endpoint} does not know it: {words}.", endpoint=endpoint, words=words)
        )
    if status in (400, 409, 412, 422):
        return InputError(said("Kubeflow Pipelines does not accept it: {words}.", words=words))
    if not status:
        return _unreachable(endpoint, words)
    return EngineUnreachable(
        said(
            "{endpoint} answers {status}: {words}.", endpoint=endpoint, status=status, words=words
        ),
        next=said("Look at the log of the ml-pipeline deployment; try again."),
    )


def _unreachable(endpoint: str, words: str) -> EngineUnreachable:
    return EngineUnreachable(
        said("{endpoint} does not answer: {words}.", endpoint=endpoint, words=words),
        next=said("Check KFP_ENDPOINT and that the ml-pipeline service runs."),
    )


def _words(body: object) -> str:
    """Give the first sentence of KFP's or Kubernetes' answer, without Go's chain of causes."""
    text = body.decode("utf-8", errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        document = json.loads(text)
        text = str(document.get("error_message") or document.get("message") or text)
    except (ValueError, AttributeError):
        pass  # an intermediate proxy answers in HTML or plain text, which is shown as it is
    return " ".join(text.split())[:400].rstrip(".")


def _connection_words(reason: Exception) -> str:
    cause = getattr(reason, "reason", None) or reason
    name = type(cause).__name__
    if "Timeout" in name:
        return "no answer in time"
    if name == "NewConnectionError":
        return "no connection"
    return " ".join(str(cause).split())[:200].rstrip(".")


def _is_kubernetes(reason: Exception) -> bool:
    return type(reason).__module__.startswith("kubernetes.")
