"""What MLflow said about finished runs, kept in a local SQLite file: they do not change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (launch TEXT, part TEXT, version TEXT, document TEXT, "
    "PRIMARY KEY (launch, part))"
)


class Cache:
    """Answers by launch and part (``run``, or a metric's name); safe for threads and processes.

    A damaged or unwritable file only costs the time of asking MLflow again.

    Parameters
    ----------
    path
        The SQLite file; it is made when something is put.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, launch: str, part: str, version: str) -> Any:
        """Give what was put for this version of a run, or None."""
        if not self._path.is_file():
            return None
        try:
            with self._open() as database:
                row = database.execute(
                    "SELECT document FROM answers WHERE launch = ? AND part = ? AND version = ?",
                    (launch, part, version),
                ).fetchone()
        except sqlite3.Error:  # asking MLflow gives the same answer
            return None
        return json.loads(row[0]) if row else None

    def put(self, launch: str, part: str, version: str, document: Any) -> None:
        """Keep an answer in place of an older version's."""
        text = json.dumps(document)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as database:
                database.execute(_SCHEMA)
                database.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                    (launch, part, version, text),
                )
        except sqlite3.DatabaseError as reason:
            if not isinstance(reason, sqlite3.OperationalError):  # damaged: begin anew
                self._path.unlink(missing_ok=True)

    def forget(self, launch: str) -> None:
        """Ask MLflow the next time."""
        if not self._path.is_file():
            return
        with self._open() as database:
            database.execute(_SCHEMA)
            database.execute("DELETE FROM answers WHERE launch = ?", (launch,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=2)) as database, database:
            yield database
