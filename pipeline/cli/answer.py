"""What a command gives back, and how it is printed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.findings import Finding
from pipeline.core.findings import error as error_finding
from pipeline.core.hiding import hidden, without_values
from pipeline.core.printable import in_one_cell


@dataclass(frozen=True)
class Answer:
    """The result of a command.

    Parameters
    ----------
    document
        What ``--json`` prints.
    text
        What a person reads.
    exit_code
        See `pipeline.core.errors`.
    """

    document: Any
    text: str
    exit_code: int = 0


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Print one JSON document, or the text."""
    if as_json:
        print(json.dumps(_printable(answer.document), indent=2, ensure_ascii=False))
    elif answer.text:
        print(without_values(answer.text.rstrip("\n")))
    sys.stdout.flush()


def print_error(reason: SlipwayError, *, as_json: bool) -> None:
    """Say what went wrong: as a JSON document on stdout, else as sentences on stderr."""
    findings = reason.findings if isinstance(reason, InputError) else ()
    if as_json:
        if isinstance(reason, InputError) and not findings:  # there they say why, always
            findings = (
                error_finding("input", reason.message, where=reason.where, next=reason.next),
            )
        error = {"message": reason.message, "where": reason.where, "next": reason.next}
        listed = [finding.as_dict() for finding in findings]
        print_answer(Answer({"error": error, "findings": listed}, ""), as_json=True)
        return
    print(hidden(f"error: {reason}"), file=sys.stderr)
    if findings:
        print(hidden(findings_text(findings)), file=sys.stderr)


def say(sentence: str) -> None:
    """Tell progress, on stderr."""
    print(hidden(sentence), file=sys.stderr, flush=True)


def findings_text(findings: Iterable[Finding]) -> str:
    """Give one line a finding: severity, place, message, what to do."""
    lines = []
    for finding in findings:
        where = f"{finding.where}: " if finding.where else ""
        count = f" ({finding.count:,} times)" if finding.count > 1 else ""
        next_step = f" {finding.next}" if finding.next else ""
        lines.append(f"{finding.severity:<8}{where}{finding.message}{count}{next_step}")
    return "\n".join(lines)


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Give columns aligned with spaces."""
    cells = [list(titles), *([shown(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def shown(value: object) -> str:
    """Give a value as a person reads it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return in_one_cell(without_values(str(value)))  # written out, a secret would not be found


def _printable(value: Any) -> Any:
    """Replace NaN and infinities, which JSON does not have, by null, and hide what is secret.

    In the finished document a secret could be written with escapes, or be a part of a number.
    """
    if isinstance(value, str):
        return without_values(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {without_values(str(key)): _printable(entry) for key, entry in value.items()}
    return [_printable(entry) for entry in value] if isinstance(value, (list, tuple)) else value
