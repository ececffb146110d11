"""What MLflow said about runs, kept in a local SQLite file: finished ones do not change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    launch TEXT, part TEXT, version TEXT, document TEXT, PRIMARY KEY (launch, part));
CREATE INDEX IF NOT EXISTS answers_by_part ON answers (part);
CREATE TABLE IF NOT EXISTS elsewhere (
    server TEXT, run_id TEXT, started_ms INTEGER, document TEXT, PRIMARY KEY (server, run_id));
CREATE TABLE IF NOT EXISTS marks (server TEXT PRIMARY KEY, document TEXT);
"""


class Cache:
    """Answers of MLflow; safe for threads and processes.

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
        where = "launch = ? AND part = ? AND version = ?"
        rows = self._read(f"SELECT document FROM answers WHERE {where}", launch, part, version)
        return json.loads(rows[0][0]) if rows else None

    def get_all(self, part: str) -> dict[str, tuple[str, str]]:
        """Give (version, document as JSON) of a part, of every launch that has it."""
        rows = self._read("SELECT launch, version, document FROM answers WHERE part = ?", part)
        return {launch: (version, document) for launch, version, document in rows}

    def get_heads(self, part: str, *paths: str) -> list[tuple[str, ...]]:
        """Give (launch, version, document, and the text at each path in it) of a part.

        SQLite finds a path such as ``$.owner`` several times as fast as `json` parses a document;
        where nothing is, the text is empty.
        """
        found = "".join(", ifnull(json_extract(document, ?), '')" for _ in paths)
        statement = f"SELECT launch, version, document{found} FROM answers WHERE part = ?"
        return self._read(statement, *paths, part)

    def put(self, launch: str, part: str, version: str, document: Any) -> None:
        """Keep an answer in place of an older version's."""
        self.put_all([(launch, part, version, document)])

    def put_all(self, answers: Iterable[tuple[str, str, str, Any]]) -> None:
        """Keep many answers, each (launch, part, version, document), at once."""
        rows = [(*names, json.dumps(document)) for *names, document in answers]
        self._write("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)

    def forget(self, launch: str) -> None:
        """Ask MLflow the next time."""
        if self._path.is_file():
            self._write("DELETE FROM answers WHERE launch = ?", [(launch,)])

    def elsewhere(self, server: str) -> list[str]:
        """Give the runs of a server that were put by `put_elsewhere`, as JSON, newest first."""
        where = "server = ? ORDER BY started_ms DESC, run_id"
        rows = self._read(f"SELECT document FROM elsewhere WHERE {where}", server)
        return [row[0] for row in rows]

    def put_elsewhere(self, server: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Keep runs that Slipway did not log; they have a ``run_id`` and ``started_ms``."""
        rows = [
            (server, document["run_id"], document["started_ms"], json.dumps(document))
            for document in documents
        ]
        self._write("INSERT OR REPLACE INTO elsewhere VALUES (?, ?, ?, ?)", rows)

    def mark(self, server: str) -> dict[str, Any]:
        """Give how far a server has been read; empty when it was not."""
        rows = self._read("SELECT document FROM marks WHERE server = ?", server)
        return dict(json.loads(rows[0][0])) if rows else {}

    def set_mark(self, server: str, document: Mapping[str, Any]) -> None:
        """Keep how far a server has been read."""
        row = (server, json.dumps(document))
        self._write("INSERT OR REPLACE INTO marks VALUES (?, ?)", [row])

    def clear(self) -> None:
        """Forget everything."""
        self._path.unlink(missing_ok=True)

    def _read(self, statement: str, *values: Any) -> list[Any]:
        if not self._path.is_file():
            return []
        try:
            with self._open() as database:
                return database.execute(statement, values).fetchall()
        except sqlite3.Error:  # asking MLflow gives the same answer
            return []

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._open() as database:
                database.executescript(_SCHEMA)
                database.executemany(statement, rows)
        except (sqlite3.OperationalError, OSError):
            return  # locked or not writable: it is asked again
        except sqlite3.DatabaseError:  # damaged: begin anew
            self.clear()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=2)) as database, database:
            yield database
