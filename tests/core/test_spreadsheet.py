from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.spreadsheet import csv_text

ROOT = Path(__file__).parents[2]
# The last is drawn by KFP's page, which runs nothing.
WRITERS = {"pipeline/core/spreadsheet.py", "step_images/kfp_ui.py"}


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+a", "-a", "@SUM(A1)", "\t=1", "\r=1", "=", "-", "-1+1", "+1e", "-1\n", "-١"]
)
def test_a_text_is_no_formula_in_a_cell_or_in_a_head(text: str) -> None:
    assert cells(csv_text([text], [[text]])) == [[f"'{text}"]] * 2


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-1, "-1"),
        (-0.5, "-0.5"),
        (True, "True"),
        (None, ""),
        (float("nan"), ""),
        ("-0.5", "-0.5"),
        ("+1.", "+1."),
        ("-.5e-03", "-.5e-03"),
        ("a=1", "a=1"),
        ("'quoted", "'quoted"),
        ("별, 큰", "별, 큰"),
    ],
)
def test_numbers_and_other_texts_stay_as_they_are(value: object, cell: str) -> None:
    assert cells(csv_text(["head"], [["x", value]])) == [["head"], ["x", cell]]


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))))
def test_cells_are_read_as_they_were_written_but_for_the_guard(row: list[str]) -> None:
    [_, read] = cells(csv_text(["head"], [[*row, "end"]]))
    written = [*row, "end"]
    assert all(cell in (text, f"'{text}") for cell, text in zip(read, written, strict=True))


def test_nothing_else_writes_tables_for_spreadsheets() -> None:
    writing = re.compile(r"\.(?:to_csv|write_csv)\(|csv\.(?:writer|DictWriter)\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("dashboard", "pipeline", "step_images")
        for path in (ROOT / folder).rglob("*.py")
        if writing.search(path.read_text(encoding="utf-8"))
    }
    assert found == WRITERS
