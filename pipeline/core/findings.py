"""What preflight, parsers and editors have to say about an input."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pipeline.core.printable import printable
from pipeline.core.said import Said, said

Severity = Literal["error", "warning", "info"]
_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about an input.

    Parameters
    ----------
    severity
        ``error`` stops a launch, ``warning`` may spoil it, ``info`` is good to know.
    code
        Stable kebab-case name, such as ``label-out-of-range``.
    message
        One sentence that names the value and what is allowed.
    where
        ``file:line`` relative to the volume, or a form field such as ``overrides.epochs``.
    count
        How many places are like this one.
    next
        What to do about it.
    """

    severity: Severity
    code: str
    message: str
    where: str = ""
    count: int = 1
    next: str = ""

    def __post_init__(self) -> None:
        for name in ("message", "where"):  # what people typed, or a file's name, may be in them
            text = getattr(self, name)
            if not text.isascii() and not isinstance(text, Said):  # that one has seen to its values
                object.__setattr__(self, name, printable(text))

    def as_dict(self) -> dict[str, Any]:
        """Give the finding as the JSON object that the command line prints."""
        return asdict(self)


class Tally:
    """Findings of which there may be millions: after the first ones of a code only how many.

    Ask `has_room` before a finding is made. The first ones are more than anything that lists
    findings shows of a code (`capped`).
    """

    def __init__(self, limit: int = 25_000) -> None:
        self.left_out = 0
        self._limit = limit
        self._kept: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def has_room(self, code: str) -> bool:
        """Count one of this code, and say whether it is worth a finding."""
        self._counts[code] += 1
        is_early = self._counts[code] <= self._limit
        self.left_out += not is_early
        return is_early

    def append(self, finding: Finding) -> None:
        """Keep a finding."""
        self._kept.append(finding)

    def all(self) -> list[Finding]:
        """Give those that were kept, the last of a code with the count of those that were not."""
        found = list(self._kept)
        at = {finding.code: index for index, finding in enumerate(found)}
        for code, count in self._counts.items():
            if count > self._limit:
                last = found[at[code]]
                found[at[code]] = replace(last, count=last.count + count - self._limit)
        return found


def error(code: str, message: str, *, where: str = "", count: int = 1, next: str = "") -> Finding:
    """Make a finding that stops a launch."""
    return Finding("error", code, message, where, count, next)


def warning(code: str, message: str, *, where: str = "", count: int = 1, next: str = "") -> Finding:
    """Make a finding that may spoil a run."""
    return Finding("warning", code, message, where, count, next)


def info(code: str, message: str, *, where: str = "", count: int = 1, next: str = "") -> Finding:
    """Make a finding that is good to know."""
    return Finding("info", code, message, where, count, next)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by severity, keeping the order within one, without repeats."""
    return sorted(dict.fromkeys(findings), key=lambda finding: _ORDER[finding.severity])


def has_errors(findings: Iterable[Finding]) -> bool:
    """Say whether any finding stops a launch."""
    return any(finding.severity == "error" for finding in findings)


def capped(findings: Iterable[Finding], limit: int = 20) -> list[Finding]:
    """Keep the first findings of each code; one more says how many others there are."""
    by_code: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in ordered(findings):
        by_code[finding.severity, finding.code].append(finding)
    kept: list[Finding] = []
    for group in by_code.values():
        kept += group[:limit]
        if len(group) > limit:
            count = sum(finding.count for finding in group[limit:])
            message = said(
                "{count:,} more places like the {limit} before.", count=count, limit=limit
            )
            kept.append(replace(group[limit], message=message, where="", count=count))
    return kept
