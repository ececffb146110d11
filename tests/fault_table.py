"""The table of faults in docs/reliability.md: tests say what they saw, and it has to stand there.

``SLIPWAY_REGENERATE=1`` writes the rows of the tests that run, and removes theirs that they no
longer make. How long it took until the state was true is a measurement: it is written then, and not
compared otherwise.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
HEADER = "| fault | when | what is shown | what becomes of it | true after, s | test |"
NOT_MEASURED = "–"


@dataclass(frozen=True)
class Row:
    """A row of the table, by its columns; `true_after_s` is text, as it stands there."""

    fault: str
    when: str
    shown: str
    then: str
    true_after_s: str
    test: str

    @property
    def line(self) -> str:
        cells = (self.fault, self.when, self.shown, self.then, self.true_after_s, self.test)
        return f"| {' | '.join(cells)} |"

    def says_the_same(self, other: Row) -> bool:
        """Say whether all but the measurement is equal."""
        return self.line == Row(**{**vars(other), "true_after_s": self.true_after_s}).line


def record(fault: str, when: str, shown: str, then: str, true_after_s: float | None = None) -> None:
    """Compare what a fault led to with the page, or write it there.

    Parameters
    ----------
    true_after_s
        How long it took until what is recorded was true again; None where that has no meaning.
    """
    words = [re.sub(r"\s+", " ", word).strip().replace("|", "/") for word in (fault, when)]
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].removesuffix(" (call)")
    measured = NOT_MEASURED
    if true_after_s is not None:
        measured = f"{math.ceil(true_after_s * 10) / 10:.1f}"
    row = Row(*words, shown, then, measured, f"`{test}`")
    if os.environ.get("SLIPWAY_REGENERATE"):
        _write(row)
    is_there = any(row.says_the_same(known) for known in rows())
    assert is_there, f"not in {PAGE.name}: {row.line}\nSLIPWAY_REGENERATE=1 writes it anew"


def rows() -> list[Row]:
    """Give the rows of the table."""
    _, table, _ = _parts()
    return table


def _write(row: Row) -> None:
    """Put a row in its old one's place, or behind the others of its fault; no other of its test."""
    before, table, after = _parts()
    key = (row.fault, row.when)
    table = [known for known in table if known.test != row.test or (known.fault, known.when) == key]
    same = [n for n, known in enumerate(table) if (known.fault, known.when) == key]
    kin = [n for n, known in enumerate(table) if known.fault == row.fault]
    if same:
        table[same[0]] = row
    else:
        table.insert(kin[-1] + 1 if kin else len(table), row)
    lines = [*before, *(known.line for known in table), *after]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _parts() -> tuple[list[str], list[Row], list[str]]:
    """Give the lines before the rows, the rows, and the lines after them."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADER) + 2
    end = first
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    table = [Row(*line.strip("| ").split(" | ")) for line in lines[first:end]]
    return lines[:first], table, lines[end:]
