"""Rows of a table that can be chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any


def rows_key(table: str, names: Sequence[object]) -> str:
    """Give the key of a table: another one where rows are others.

    Streamlit keeps the places of chosen rows, not the rows (streamlit#17026): of a table that kept
    its key, what is chosen after a filter would be another row than the one that was ticked.
    """
    return f"{table}.{hashlib.sha256(repr(list(names)).encode()).hexdigest()[:12]}"


def chosen_before(names: Sequence[str], chosen: Collection[str]) -> Any:
    """Give the selection of a new table in which rows are still chosen, by their names."""
    rows = [index for index, name in enumerate(names) if name in chosen]
    return {"selection": {"rows": rows, "columns": [], "cells": []}}
