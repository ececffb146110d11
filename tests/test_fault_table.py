"""docs/reliability.md names only tests that exist, and holds what it says about time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.fault_table import NOT_MEASURED, rows

ROOT = Path(__file__).resolve().parents[1]
TRUE_WITHIN_S = 5.0


def test_no_row_has_lost_its_test() -> None:
    files = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"import record|    settle,", path.read_text(encoding="utf-8"))
    ]
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tests = {f"`{line.rpartition('::')[2]}`" for line in collected.splitlines()}
    assert [row.line for row in rows() if row.test not in tests] == []


def test_every_state_was_true_in_time() -> None:
    measured = [row for row in rows() if row.true_after_s != NOT_MEASURED]
    assert measured
    assert [row.line for row in measured if float(row.true_after_s) > TRUE_WITHIN_S] == []


def test_no_fault_has_two_rows() -> None:
    keys = [(row.fault, row.when) for row in rows()]
    assert len(keys) == len(set(keys))
