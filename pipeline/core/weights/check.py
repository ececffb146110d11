"""Checking weights before anything opens them: what their pickle would do is read as data."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.core.errors import refuse_errors
from pipeline.core.findings import Finding, error
from pipeline.core.model.data import check_model_data
from pipeline.core.said import said
from pipeline.core.weights.container import NotWeights, read_weights

_MOST_NAMES = 50
_MOST_CHARACTERS = 500
_SETTLED_S = 2.0
_COPY_AGAIN = said("Copy the weights again; a web page or a Git LFS pointer may have been saved.")
_TRUST = said("Do not use this file unless you know who made it and what these do.")
_ALLOW = said(
    "Do not use this file unless you know who made it and what these do; whoever runs this "
    "installation can then allow them by name in SLIPWAY_WEIGHTS_ALLOW."
)


def check_weights(
    path: Path, shown_as: str, allow: Collection[str] = (), *, where: str = "model"
) -> list[Finding]:
    """Find what keeps a file from being opened as weights; cheap when it did not change.

    Parameters
    ----------
    path
        The file.
    shown_as
        Its name as people know it.
    allow
        Names, as ``module.Name``, that the administrator lets weights use besides those of models.
    where
        The field or line that names the file.
    """
    try:
        if not path.is_file():
            message = said("'{name}' is not a plain file.", name=shown_as)
            return [error("bad-file", message, where=where, next=said("Choose another model."))]
        status = path.stat()
        key = (str(path), status.st_dev, status.st_ino, status.st_size)
        times = (status.st_mtime_ns, status.st_ctime_ns)
        # What changed just now may change again within the same tick of the file system's clock.
        is_settled = all(abs(time.time() - at / 1e9) > _SETTLED_S for at in times)
        check = _check_kept if is_settled else _check
        found = check((*key, *times), shown_as, frozenset(allow))
        return [replace(finding, where=where) for finding in found]
    except OSError as reason:
        message = said("'{name}' cannot be read: {reason}.", name=shown_as, reason=reason.strerror)
        return [error("bad-file", message, where=where, next=said("Choose another model."))]


def check_opened(
    file: BinaryIO, shown_as: str, allow: Collection[str], *, where: str = "model"
) -> list[Finding]:
    """Find the same in a file that is open; its position is moved."""
    if file.seek(0, os.SEEK_END) == 0:
        message = said("'{name}' is empty.", name=shown_as)
        return [error("model-empty", message, where=where, next=said("Copy the weights again."))]
    try:
        weights = read_weights(file, allow)
    except NotWeights as reason:
        message = said(
            "'{name}' is not opened as weights: {reason}.",
            name=shown_as,
            reason=_clipped(str(reason)),
        )
        return [error("not-weights", message, where=where, next=_COPY_AGAIN)]
    findings = []
    if weights.foreign:
        message = said(
            "'{name}' would run code that is not a model's: {foreign}.",
            name=shown_as,
            foreign=_listed(weights.foreign),
        )
        # What objects are given has no name of a module, and cannot be allowed.
        can_be_allowed = all("." in entry.partition(" ")[0] for entry in weights.foreign)
        hint = _ALLOW if can_be_allowed else _TRUST
        findings.append(error("weights-foreign-code", message, where=where, next=hint))
    for document in weights.model_yamls:
        findings += _check_model_yaml(document, shown_as, where)
    return findings


def require_sound(
    file: BinaryIO, shown_as: str, allow: Collection[str], *, where: str = ""
) -> None:
    """Refuse an open file that is not fit to be opened as weights.

    Raises
    ------
    InputError
        See `check_opened`.
    """
    refuse_errors(check_opened(file, shown_as, allow, where=where or shown_as))


def _check_model_yaml(document: Mapping[str, Any], shown_as: str, where: str) -> list[Finding]:
    """Check the yaml inside weights, of which Ultralytics builds a model when it trains on."""
    return [
        error(
            problem.code,
            said(
                "the yaml inside '{name}', at {path}: {message}",
                name=shown_as,
                path=problem.path,
                message=problem.message,
            ),
            where=where,
            next=said("Do not use this file unless you know who made it."),
        )
        for problem in check_model_data(document)
    ]


def _check(
    key: tuple[str, int, int, int, int, int], shown_as: str, allow: frozenset[str]
) -> tuple[Finding, ...]:
    with open(key[0], "rb") as file:
        return tuple(check_opened(file, shown_as, allow))


_check_kept = lru_cache(maxsize=512)(_check)


def _listed(names: Collection[str]) -> str:
    shown = [_clipped(name) for name in list(names)[:_MOST_NAMES]]
    listed, more = ", ".join(shown), len(names) - len(shown)
    return said("{names} and {more:,} more", names=listed, more=more) if more else listed


def _clipped(text: str) -> str:
    """Show what a file says on one line, without control characters."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return plain if len(plain) <= _MOST_CHARACTERS else f"{plain[:_MOST_CHARACTERS]}…"
