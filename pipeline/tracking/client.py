"""MLflow's client: waits for seconds, not minutes, and keeps its database's chatter to itself."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.addresses import shown, shown_address
from pipeline.core.errors import TrackingUnreachable
from pipeline.core.imports import IMPORTING
from pipeline.core.outages import Outages, within
from pipeline.core.said import said
from pipeline.core.settings import Settings
from pipeline.tracking.server import tracking_uri

# The defaults are 120 s, seven times, and S3's 60 s, five times: neither a step nor a page may
# wait that long.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "AWS_MAX_ATTEMPTS": "2",
}
CREDENTIALS = "Set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD."
# Each tells of every table it looks at.
_CHATTY = ("alembic", "mlflow.store.db.utils")
_NOT_MADE = said("the database is not there")


class RunMissing(TrackingUnreachable):
    """MLflow answers, but this run was logged elsewhere or removed; others are there."""


# A page that somebody waits for; MLflow's own client waits longer.
READ_S = 3.0
_Answer = TypeVar("_Answer")


def mlflow_client(uri: str) -> Any:
    """Make a client for an address; it takes a second, in which mlflow is imported."""
    with IMPORTING:
        from mlflow import MlflowClient

    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)


def is_unmade(settings: Settings) -> bool:
    """Say whether MLflow is a database file that the first run will make."""
    uri = tracking_uri(settings)
    return uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file()


def ask(
    settings: Settings,
    outages: Outages,
    question: Callable[[Any], _Answer],
    *,
    again: bool = False,
) -> _Answer:
    """Ask MLflow's client a question that somebody waits for; raises as `reading`.

    Parameters
    ----------
    outages
        What is known of MLflow's.
    question
        Asks the client, and takes what it needs of the answer.
    again
        Ask also if MLflow has not answered just now.
    """
    uri = tracking_uri(settings)

    def asked() -> _Answer:
        with reading(settings) as client:
            return question(client)

    def in_time() -> _Answer | RunMissing:
        if is_unmade(settings):
            raise _away(uri, _NOT_MADE)
        with IMPORTING:  # the first time takes seconds, which are not MLflow's
            import mlflow  # noqa: F401
        try:
            return within(READ_S, asked)
        except RunMissing as reason:
            return reason  # that, too, is an answer
        except TimeoutError:
            raise _away(uri, f"no answer within {READ_S:g} s") from None

    answer = outages.ask(uri, in_time, again=again)
    if isinstance(answer, RunMissing):
        raise answer
    return answer


@contextmanager
def reading(settings: Settings) -> Iterator[Any]:
    """Give a client, and turn what goes wrong with it into words.

    Raises
    ------
    TrackingUnreachable
        MLflow, its network or its database did not answer.
    RunMissing
        MLflow does not have the run that was asked for.
    """
    uri = tracking_uri(settings)
    if is_unmade(settings):
        raise _away(uri, _NOT_MADE)  # opening would make an empty one
    # mlflow takes seconds to import, and who lists cached runs must not pay for it.
    with IMPORTING:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

    try:
        yield mlflow_client(uri)
    except (MlflowException, SQLAlchemyError, OSError) as reason:
        uri, why = shown_address(uri), reason_of(reason, uri)
        if getattr(reason, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
            raise RunMissing(
                said("MLflow at {uri} does not have this run: {why}", uri=uri, why=why),
                where="MLFLOW_TRACKING_URI",
                next=said("'slipway track RUN' logs it there."),
            ) from reason
        if is_refusal(reason):
            raise TrackingUnreachable(
                said("MLflow at {uri} refuses: {why}", uri=uri, why=why),
                where="MLFLOW_TRACKING_URI",
                next=CREDENTIALS,
            ) from reason
        raise _away(uri, why) from reason


def reason_of(reason: Exception, uri: str) -> str:
    """Give the first line of what a client said of an address, without what is secret of that."""
    text = str(reason).partition("\n")[0]
    return shown(text.replace(uri, shown_address(uri)) if uri else text)[:300]


def is_refusal(reason: Exception) -> bool:
    """Say whether MLflow, or what stands before it, wants other credentials."""
    code = getattr(reason, "error_code", "")
    refused = re.search(r"\bcode 40[13]\b", str(reason))
    return code in ("PERMISSION_DENIED", "UNAUTHENTICATED") or refused is not None


def _away(uri: str, why: str) -> TrackingUnreachable:
    return TrackingUnreachable(
        said("MLflow at {uri} does not answer: {why}.", uri=shown_address(uri), why=why),
        where="MLFLOW_TRACKING_URI",
        next=said("Start MLflow (./run.sh starts its own)."),
    )
