"""The table of faults in docs/reliability.md: tests say what they saw, and it has to stand there.

``SLIPWAY_REGENERATE=1`` writes the rows of the tests that run.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
HEADER = "| fault | when | what is shown | what becomes of it |"


def record(fault: str, when: str, shown: str, then: str) -> None:
    """Compare what a fault led to with the page, or write it there."""
    cells = [re.sub(r"\s+", " ", cell).strip().replace("|", "/") for cell in (fault, when)]
    row = f"| {' | '.join([*cells, shown, then])} |"
    if os.environ.get("SLIPWAY_REGENERATE"):
        _write(row, f"| {' | '.join(cells)} |")
    assert row in rows(), f"not in {PAGE.name}: {row}\nSLIPWAY_REGENERATE=1 writes it anew"


def rows() -> list[str]:
    """Give the rows of the table."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADER) + 2
    return [line for line in lines[first:] if line.startswith("|")]


def _write(row: str, start: str) -> None:
    """Put a row in its old one's place, or behind the others of its fault."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADER) + 2
    fault = start.split("|")[1]
    same = [n for n, line in enumerate(lines) if n >= first and line.startswith(start)]
    kin = [n for n, line in enumerate(lines) if n >= first and line.startswith(f"|{fault}|")]
    if same:
        lines[same[0]] = row
    elif kin:
        lines.insert(kin[-1] + 1, row)
    else:
        table = [n for n, line in enumerate(lines) if n >= first and line.startswith("|")]
        lines.insert((table or [first - 1])[-1] + 1, row)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
