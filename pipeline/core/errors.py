"""Every exception that Slipway raises on purpose.

::

    SlipwayError
    ├── UsageError            the call itself is wrong                     exit 2
    ├── InputError            what was given is not acceptable (findings)  exit 3
    │   ├── UnsafePath        a name that leaves the volume
    │   └── FileChanged       the file was changed by somebody else
    ├── RunFailed             the run failed or was stopped                exit 4
    │   └── Stopped           what was going on here was stopped by a person
    ├── NotFound                                                           exit 5
    │   ├── RunNotFound
    │   └── FileMissing
    └── Unreachable                                                        exit 6
        ├── EngineUnreachable
        └── TrackingUnreachable

Vendor exceptions are turned into these at one edge for each vendor, with ``raise … from``.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core.addresses import shown
from pipeline.core.findings import Finding
from pipeline.core.printable import printable
from pipeline.core.said import Said


class SlipwayError(Exception):
    """What went wrong, where, and what to do next.

    Parameters
    ----------
    message
        One sentence that names the value that is wrong and what is allowed.
    where
        ``file:line``, a setting's name, or empty.
    next
        The next action of the person, as an imperative sentence.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", next: str = "") -> None:
        # What a client says may hold the address that it was given.
        self.message = _safe(message)
        super().__init__(self.message)
        self.where = _safe(where)
        self.next = _safe(next)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        next_step = f" {self.next}" if self.next else ""
        return f"{where}{self.message}{next_step}"


class UsageError(SlipwayError):
    """The command or call is wrong, whatever the volume holds."""

    exit_code = 2


class InputError(SlipwayError):
    """What was given is not acceptable; ``findings`` hold every mistake at once."""

    exit_code = 3

    def __init__(
        self, message: str, *, findings: Sequence[Finding] = (), where: str = "", next: str = ""
    ) -> None:
        super().__init__(message, where=where, next=next)
        self.findings = tuple(findings)


class UnsafePath(InputError):
    """A name that points outside the volume, or at something that is not a plain file."""


class FileChanged(InputError):
    """The file on disk is not the one that was opened for editing."""


class RunFailed(SlipwayError):
    """The run that was waited for failed or was stopped."""

    exit_code = 4


class Stopped(RunFailed):
    """A person stopped what takes long; raised by whoever is told of its progress."""


class NotFound(SlipwayError):
    """The thing asked for does not exist."""

    exit_code = 5


class RunNotFound(NotFound):
    """No run has this id, or the prefix fits several."""


class FileMissing(NotFound):
    """No such file on the volume."""


class Unreachable(SlipwayError):
    """A service did not answer; what it would have said is not known."""

    exit_code = 6


class EngineUnreachable(Unreachable):
    """The engine's API or state did not answer."""


class TrackingUnreachable(Unreachable):
    """The MLflow server did not answer."""


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise what stops a launch, if anything does.

    Raises
    ------
    InputError
        Says the first error and holds all findings.
    """
    first = next((finding for finding in findings if finding.severity == "error"), None)
    if first:
        raise InputError(first.message, findings=findings, where=first.where, next=first.next)


def _safe(text: str) -> str:
    """Leave out what is secret; what stands in no single value costs a sentence its translation."""
    if isinstance(text, Said):
        text = text.over(_safe)
    whole = shown(printable(text))
    return text if text == whole else whole
