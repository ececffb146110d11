"""The rows that a list shows; each costs a dozen looks at files, and is drawn again and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.actions.runs.entries import Entry
from pipeline.actions.runs.from_mlflow import row_elsewhere
from pipeline.actions.runs.model import RunRow, Seeds
from pipeline.actions.runs.rows import row_of
from pipeline.actions.runs.seeds import mean_and_std
from pipeline.actions.runs.values import Values
from pipeline.core.errors import SlipwayError
from pipeline.core.files import sha256_file
from pipeline.tracking.schema import LIST_METRIC

_KEPT_S = 30.0


class _Rows(dict[tuple[str, bool], tuple[Entry, float, RunRow]]):
    """Rows of runs that are over, with what they were made of and when (monotonic).

    By folder, and whether MLflow was away: then they have what is in files.
    """


def rows_of(here: Installation, groups: Sequence[Sequence[Entry]], values: Values) -> list[RunRow]:
    """Give a row for each group of runs that differ in nothing but their seed."""
    digests: dict[str, str] = {}
    return [_row(here, group, values, digests) for group in groups]


def _row(
    here: Installation, group: Sequence[Entry], values: Values, digests: dict[str, str]
) -> RunRow:
    first, names = group[0], tuple(entry.facts.name for entry in group)
    row = replace(_one_row(here, first), is_data_changed=_is_data_changed(here, first, digests))
    if len(group) == 1:
        return row
    bests = [values.best(name, LIST_METRIC) for name in names]
    found = [value for value in bests if value is not None]
    return replace(row, seeds=Seeds(names, *(mean_and_std(found) if found else ())))


def _one_row(here: Installation, entry: Entry) -> RunRow:
    """Give a row; of a run that is over it is kept for a while, unless its folder changes."""
    if entry.elsewhere:
        return row_elsewhere(here.tracking, entry.elsewhere)
    rows, name, folder = here.memory(_Rows), entry.facts.name, entry.facts.folder
    before, made_at, row = rows.get((name, bool(here.tracking.outage())), (None, 0.0, None))
    if row and before is entry and time.monotonic() - made_at < _KEPT_S:
        return row
    assert folder is not None
    here.folders.look_again([name])
    row = replace(row_of(here.tracking, entry.facts, folder), note=entry.note, source=entry.source)
    if not entry.facts.is_live:
        rows[name, bool(here.tracking.outage())] = (entry, time.monotonic(), row)
    return row


def _is_data_changed(here: Installation, entry: Entry, digests: dict[str, str]) -> bool:
    """Say whether the data yaml is another than the one that the launch was made with.

    One that is gone or unreadable by now is changed, too.
    """
    before = entry.record.sha256.get("data") if entry.record else None
    if entry.record is None or not before:
        return False
    name = entry.record.choices.data
    if name not in digests:
        digests[name] = _digest_of(here, name)
    return digests[name] != before


def _digest_of(here: Installation, data: str) -> str:
    volume = here.volume
    try:
        path = volume.path(volume.resolve("data", data).path)
        status = path.stat()
    except (SlipwayError, OSError):
        return ""
    return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _digest(path: Path, mtime_ns: int, size_bytes: int) -> str:
    return sha256_file(path)
