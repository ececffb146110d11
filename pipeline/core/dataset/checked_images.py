"""What opening images told, kept on disk: a hundred thousand of them take minutes to open."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from pipeline.core.dataset.files.images import ImageCheck
from pipeline.core.files import make_folder
from pipeline.core.said import as_json, read_json

_SCHEMA = """CREATE TABLE IF NOT EXISTS checked (
    path BLOB PRIMARY KEY, stamp INTEGER, digest TEXT, mistake TEXT, unfinished INTEGER,
    width INTEGER, height INTEGER) WITHOUT ROWID"""
_PARAMETERS = 500  # of one statement
_WAIT_S = 5
_T = TypeVar("_T")
_log = logging.getLogger("slipway.dataset")


class CheckedImages:
    """A table of images; without a folder, or when it cannot be used, it knows nothing.

    Parameters
    ----------
    folder
        Where the table lies, one for all datasets; it may be deleted.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "images.db" if folder else None

    def known(self, stamps: Mapping[str, int]) -> dict[str, ImageCheck]:
        """Give what is known of images by path.

        Parameters
        ----------
        stamps
            What the files are, by path; see `stamp_of`.
        """
        paths = [os.fsencode(path) for path in stamps]
        rows = self._do(lambda table: list(_select(table, paths)))
        return {
            os.fsdecode(path): ImageCheck(
                digest, read_json(mistake), bool(unfinished), (width, height)
            )
            for path, stamp, digest, mistake, unfinished, width, height in rows or ()
            if stamps[os.fsdecode(path)] == stamp
        }

    def keep(self, stamps: Mapping[str, int], checks: Mapping[str, ImageCheck]) -> None:
        """Remember what was told; what has no stamp is not settled and is left out."""
        rows = [
            (os.fsencode(path), stamps[path], c.digest, as_json(c.mistake), c.unfinished, *c.size)
            for path, c in checks.items()
            if stamps[path]
        ]
        insert = "INSERT OR REPLACE INTO checked VALUES (?,?,?,?,?,?,?)"
        self._do(lambda table: table.executemany(insert, rows))

    def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T | None:
        if self._path is None:
            return None
        try:
            make_folder(self._path.parent)
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as table, table:
                table.execute("PRAGMA journal_mode = WAL")
                table.execute(_SCHEMA)
                return work(table)
        except (sqlite3.Error, OSError) as reason:
            _log.warning("%s cannot be used, so images are opened anew: %s", self._path, reason)
            self._path = None
            return None


def _select(table: sqlite3.Connection, paths: list[bytes]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(paths), _PARAMETERS):
        some = paths[start : start + _PARAMETERS]
        marks = ",".join("?" * len(some))
        yield from table.execute(f"SELECT * FROM checked WHERE path IN ({marks})", some)
