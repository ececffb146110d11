"""Why a step failed, in its own words: written by the step, read by whoever tells of its run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text, write_json
from pipeline.core.findings import Finding
from pipeline.core.said import kept, recalled, sentences


@dataclass(frozen=True)
class Failure:
    """A failure of a step.

    Parameters
    ----------
    error
        What went wrong.
    why
        Where, or by which kind of error.
    next
        What to do.
    exit_code
        How the step ended; None where the file does not say it.
    """

    error: str
    why: str
    next: str
    exit_code: int | None

    @property
    def words(self) -> str:
        """The error and what to do about it."""
        return sentences(self.error, self.next)


def write_failure(path: Path, failure: Failure, findings: Sequence[Finding] = ()) -> None:
    """Write a failure: texts that anybody can read, and what they were made of beside them.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    document: dict[str, Any] = {
        "error": failure.error,
        "why": failure.why,
        "next": failure.next,
        "exit_code": failure.exit_code,
    }
    if findings:
        document["findings"] = [finding.as_dict() for finding in findings]
    document["said"] = {"error": kept(failure.error), "next": kept(failure.next)}
    write_json(path, document)


def read_failure(path: Path) -> Failure | None:
    """Read a failure; None where there is none, or the file is damaged."""
    try:
        document = json.loads(read_text(path))
        said = document.get("said")
    except (SlipwayError, OSError, ValueError, AttributeError, RecursionError):
        return None
    said = said if isinstance(said, dict) else {}
    error, why, following = (
        recalled(str(document.get(key) or "").strip(), said.get(key))
        for key in ("error", "why", "next")
    )
    code = document.get("exit_code")
    return Failure(error, why, following, code if isinstance(code, int) else None)


def words_of_attempt(path: Path, started_at: str) -> str:
    """Give the words of this attempt's failure; one that an earlier attempt left is older than it.

    They are empty where it could not be written: a step prints them as its last line, too.
    """
    try:
        if path.stat().st_mtime < datetime.fromisoformat(started_at).timestamp() - 1:
            return ""
    except (OSError, ValueError):
        return ""
    found = read_failure(path)
    return found.words if found else ""
