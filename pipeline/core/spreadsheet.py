"""Tables as CSV that people open in a spreadsheet.

A spreadsheet runs a cell that begins like a formula, whatever the quotes around it (OWASP, "CSV
Injection"). Names of classes, files and runs come from outside: such a text gets an apostrophe in
front, by which spreadsheets know a text. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def csv_text(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write a table with its heads; None and what is no number are empty cells."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(map(_cell, columns))
    table.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, int | float) or value is None:
        return "" if value != value else value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
