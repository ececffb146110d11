"""Runs of a KFP endpoint that were seen before: finished ones do not change without a retry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import EngineUnreachable
from pipeline.core.said import Said, as_json, recalled, said
from pipeline.engines.base import Run
from pipeline.engines.kubeflow.runs import Seen

# `seq` grows in the order in which runs were created: KFP's times are whole seconds.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, id TEXT NOT NULL,
    created_at TEXT NOT NULL, launch TEXT NOT NULL, is_finished INTEGER NOT NULL,
    is_whole INTEGER NOT NULL, stamp TEXT NOT NULL, run TEXT NOT NULL, UNIQUE (endpoint, id));
CREATE INDEX IF NOT EXISTS newest ON runs (endpoint, created_at DESC, seq DESC);
CREATE TABLE IF NOT EXISTS sentences (text TEXT PRIMARY KEY, said TEXT NOT NULL);
"""
_PUT = """
INSERT INTO runs (endpoint, id, created_at, launch, is_finished, is_whole, stamp, run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (endpoint, id) DO UPDATE SET created_at = excluded.created_at, stamp = excluded.stamp,
    launch = excluded.launch, is_finished = excluded.is_finished, is_whole = excluded.is_whole,
    run = excluded.run
"""


class Cache:
    """SQLite in the state folder; many threads and processes may use it.

    Parameters
    ----------
    path
        The database; made when it is missing.
    endpoint
        Whose runs these are.
    """

    def __init__(self, path: Path, endpoint: str) -> None:
        self._path = path
        self._endpoint = endpoint

    def put_listed(self, listed: Iterable[Seen]) -> None:
        """Note runs of a list, newest first.

        What is known in whole stays unless the stamp says that the run has changed.
        """
        with self._connection() as db:
            known = self._stamps(db)
            fresh = [entry for entry in listed if known.get(entry.run.id) != entry.stamp]
            # Of one second, the one listed first is the newest.
            db.executemany(_PUT, [self._row(entry, is_whole=False) for entry in reversed(fresh)])

    def put(self, entry: Seen, *, is_whole: bool = True) -> None:
        """Note one run; whole ones have their steps and messages."""
        run = entry.run
        texts = {run.message, *(step.message for step in run.steps)}
        said = [(text, as_json(text)) for text in texts if isinstance(text, Said)]
        with self._connection() as db:
            db.executemany("INSERT OR IGNORE INTO sentences VALUES (?, ?)", said)
            db.execute(_PUT, self._row(entry, is_whole=is_whole))

    def forget(self, run_ids: Iterable[str]) -> None:
        """Remove runs."""
        with self._connection() as db:
            keys = [(self._endpoint, run_id) for run_id in run_ids]
            db.executemany("DELETE FROM runs WHERE endpoint = ? AND id = ?", keys)

    def page(self, limit: int, before: tuple[str, int] | None) -> tuple[list[Run], str]:
        """Give runs, newest first, behind a place, and the token of the place where they end."""
        created_at, seq = before or ("~", 0)
        with self._connection() as db:
            rows = db.execute(
                "SELECT created_at, seq, run FROM runs WHERE endpoint = ?"
                " AND (created_at, seq) < (?, ?) ORDER BY created_at DESC, seq DESC LIMIT ?",
                (self._endpoint, created_at, seq, limit + 1),
            ).fetchall()
            shown = rows[:limit]
            token = f"{shown[-1][0]}|{shown[-1][1]}" if len(rows) > limit and shown else ""
            return [_run(db, row[2]) for row in shown], token

    def ids(self, *, only_unfinished: bool = False) -> set[str]:
        """Give the ids of what is known."""
        query = "SELECT id FROM runs WHERE endpoint = ?"
        query += " AND NOT is_finished" if only_unfinished else ""
        with self._connection() as db:
            return {row[0] for row in db.execute(query, (self._endpoint,))}

    def not_whole(self, limit: int) -> list[str]:
        """Give ids of finished runs whose steps are not known, failed ones and newest first."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT id FROM runs WHERE endpoint = ? AND is_finished AND NOT is_whole"
                " ORDER BY stamp LIKE 'Succeeded%', created_at DESC, seq DESC LIMIT ?",
                (self._endpoint, limit),
            )
            return [row[0] for row in rows]

    def whole(self, run_id: str, stamp: str) -> Run | None:
        """Give a finished run that was read in whole and has not changed since."""
        with self._connection() as db:
            row = db.execute(
                "SELECT run FROM runs WHERE endpoint = ? AND id = ? AND stamp = ?"
                " AND is_whole AND is_finished",
                (self._endpoint, run_id, stamp),
            ).fetchone()
            return _run(db, row[0]) if row else None

    def of_launch(self, launch: str) -> list[str]:
        """Give the ids of a launch's runs, oldest first."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT id FROM runs WHERE endpoint = ? AND launch = ? ORDER BY created_at, seq",
                (self._endpoint, launch),
            )
            return [row[0] for row in rows]

    def _stamps(self, db: sqlite3.Connection) -> dict[str, str]:
        query = "SELECT id, stamp FROM runs WHERE endpoint = ?"
        return dict(db.execute(query, (self._endpoint,)).fetchall())

    def _row(self, entry: Seen, *, is_whole: bool) -> tuple[Any, ...]:
        run = entry.run
        values = (self._endpoint, run.id, run.created_at, run.launch, run.state.is_finished)
        return (*values, is_whole, entry.stamp, json.dumps(asdict(run), ensure_ascii=False))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self._path.exists():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=20)) as connection, connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
                yield connection
        except (sqlite3.Error, OSError) as reason:
            raise EngineUnreachable(
                said("the memory of Kubeflow's runs cannot be used: {reason}.", reason=reason),
                where=str(self._path),
                next=said("Check that the state folder is writable and has space left."),
            ) from reason


def _run(db: sqlite3.Connection, document: str) -> Run:
    """Read a run; its messages are the sentences that they were, as far as they were kept."""

    def told(text: str) -> str:
        query = "SELECT said FROM sentences WHERE text = ?"
        found = db.execute(query, (text,)).fetchone() if text else None
        return recalled(text, json.loads(found[0])) if found else text

    run = Run.from_dict(json.loads(document))
    steps = tuple(replace(step, message=told(step.message)) for step in run.steps)
    return replace(run, message=told(run.message), steps=steps)
