"""The queue and the state of all runs: one SQLite file in WAL mode, used by many processes."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.core.errors import EngineUnreachable, RunNotFound
from pipeline.core.launch import utc_now
from pipeline.core.states import State
from pipeline.engines.local.rows import RunRow, StepRow, read_run, read_step

_SCHEMA = """
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, uid TEXT NOT NULL,
    launch TEXT UNIQUE, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL, started_at TEXT NOT NULL DEFAULT '',
    finished_at TEXT NOT NULL DEFAULT '', position INTEGER NOT NULL,
    stop_at TEXT NOT NULL DEFAULT '', is_deleted INTEGER NOT NULL DEFAULT 0,
    parameters TEXT NOT NULL, settings TEXT NOT NULL, workflow TEXT NOT NULL);
CREATE TABLE steps (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, place INTEGER NOT NULL,
    name TEXT NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
    started_at TEXT NOT NULL DEFAULT '', finished_at TEXT NOT NULL DEFAULT '',
    attempt INTEGER NOT NULL DEFAULT 0, devices TEXT NOT NULL DEFAULT '[]',
    outputs TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (run, name));
CREATE INDEX runs_state ON runs (state);
"""
_RUN = (
    "seq, id, uid, launch, state, message, created_at, started_at, finished_at, position,"
    " stop_at, is_deleted, parameters, settings"
)
_STEP = "run, name, state, message, started_at, finished_at, attempt, devices, outputs"
_UNFINISHED = "state IN ('pending', 'running')"


class Store:
    """Opens a connection for each call, so that threads and processes share nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block; an exception undoes what the block wrote."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def add(
        self,
        run: RunRow,
        workflow: Mapping[str, Any],
        steps: Sequence[str],
    ) -> str:
        """Put a run at the end of the queue, or give the id of the one with the same launch."""
        with self.transaction() as db:
            known = db.execute("SELECT id FROM runs WHERE launch = ?", (run.launch,)).fetchone()
            if known:
                return str(known[0])
            db.execute(
                "INSERT INTO runs (id, uid, launch, state, created_at, position, parameters,"
                " settings, workflow) VALUES (?, ?, ?, ?, ?,"
                " (SELECT coalesce(max(position), 0) + 1 FROM runs), ?, ?, ?)",
                (
                    run.id,
                    run.uid,
                    run.launch or None,
                    State.PENDING.value,
                    run.created_at,
                    json.dumps(run.parameters),
                    json.dumps(run.settings),
                    json.dumps(workflow),
                ),
            )
            db.executemany(
                "INSERT INTO steps (run, place, name, state) VALUES (?, ?, ?, 'pending')",
                [(run.id, place, name) for place, name in enumerate(steps)],
            )
        return run.id

    def find(self, name: str) -> RunRow:
        """Give a run by its id or launch id.

        Raises
        ------
        RunNotFound
            There is none, or it was deleted.
        """
        rows = self._runs("WHERE (id = :name OR launch = :name) AND NOT is_deleted", name=name)
        if not rows:
            raise RunNotFound(
                f"no run '{name}' on the local engine.", next="See `python -m pipeline runs`."
            )
        return rows[0]

    def page(self, limit: int, before: int | None) -> list[RunRow]:
        """Give runs, newest first."""
        return self._runs(
            "WHERE NOT is_deleted AND (:before IS NULL OR seq < :before)"
            " ORDER BY seq DESC LIMIT :limit",
            before=before,
            limit=limit,
        )

    def unfinished(self) -> list[RunRow]:
        """Give the runs that wait or run, in the order of the queue."""
        return self._runs(f"WHERE {_UNFINISHED} ORDER BY position")

    def has_unfinished(self, db: sqlite3.Connection | None = None) -> bool:
        """Say whether the controller has anything to do."""
        query = f"SELECT 1 FROM runs WHERE {_UNFINISHED} LIMIT 1"
        if db is not None:
            return db.execute(query).fetchone() is not None
        with self._connection() as connection:
            return connection.execute(query).fetchone() is not None

    def workflow(self, run_id: str) -> dict[str, Any]:
        """Give the document of a run."""
        with self._connection() as db:
            row = db.execute("SELECT workflow FROM runs WHERE id = ?", (run_id,)).fetchone()
        document: dict[str, Any] = json.loads(row[0])
        return document

    def steps(self, run_ids: Iterable[str]) -> dict[str, list[StepRow]]:
        """Give the steps of runs in the pipeline's order."""
        ids = list(run_ids)
        found: dict[str, list[StepRow]] = {run_id: [] for run_id in ids}
        with self._connection() as db:
            marks = ", ".join("?" * len(ids))
            query = f"SELECT {_STEP} FROM steps WHERE run IN ({marks}) ORDER BY run, place"
            for row in db.execute(query, ids):
                found[row["run"]].append(read_step(row))
        return found

    def update_run(self, run_id: str, **values: Any) -> None:
        """Set columns of a run."""
        self._update("runs", values, "id = ?", run_id)

    def update_step(self, run_id: str, name: str, **values: Any) -> None:
        """Set columns of a step."""
        self._update("steps", values, "run = ? AND name = ?", run_id, name)

    def request_stop(self, run_id: str) -> None:
        """Note that a run shall stop, unless it is over or was asked before."""
        with self.transaction() as db:
            db.execute(
                f"UPDATE runs SET stop_at = ? WHERE id = ? AND stop_at = '' AND {_UNFINISHED}",
                (utc_now(), run_id),
            )

    def requeue(self, run_id: str, exit_handler: str) -> None:
        """Put a failed or stopped run at the end of the queue, keeping what succeeded."""
        with self.transaction() as db:
            changed = db.execute(
                "UPDATE runs SET state = 'pending', message = '', finished_at = '', stop_at = '',"
                " position = (SELECT max(position) + 1 FROM runs)"
                " WHERE id = ? AND state IN ('failed', 'stopped') AND NOT is_deleted",
                (run_id,),
            ).rowcount
            if changed:
                db.execute(
                    "UPDATE steps SET state = 'pending', message = '', started_at = '',"
                    " finished_at = '', devices = '[]', outputs = '{}'"
                    " WHERE run = ? AND (state != 'succeeded' OR name = ?)",
                    (run_id, exit_handler),
                )

    def forget(self, run_id: str) -> bool:
        """Remove a run that is over, else hide and stop it; say whether it is gone for good."""
        with self.transaction() as db:
            db.execute(f"DELETE FROM runs WHERE id = ? AND NOT {_UNFINISHED}", (run_id,))
            hidden = db.execute(
                "UPDATE runs SET is_deleted = 1, launch = NULL,"
                " stop_at = CASE stop_at WHEN '' THEN ? ELSE stop_at END WHERE id = ?",
                (utc_now(), run_id),
            ).rowcount
        return hidden == 0

    def move(self, run_id: str, place: int) -> None:
        """Put a waiting run at a place among the waiting ones, 0 being the next to start."""
        with self.transaction() as db:
            query = "SELECT id, position FROM runs WHERE state = 'pending' ORDER BY position"
            rows = db.execute(query).fetchall()
            order = [row["id"] for row in rows]
            if run_id in order:
                order.remove(run_id)
                order.insert(max(place, 0), run_id)
                free = [row["position"] for row in rows]
                pairs = list(zip(free, order, strict=True))
                db.executemany("UPDATE runs SET position = ? WHERE id = ?", pairs)

    def _runs(self, where: str, **values: Any) -> list[RunRow]:
        with self._connection() as db:
            return [read_run(row) for row in db.execute(f"SELECT {_RUN} FROM runs {where}", values)]

    def _update(self, table: str, values: dict[str, Any], where: str, *keys: str) -> None:
        plain = {
            name: json.dumps(value) if isinstance(value, dict | list | tuple) else value
            for name, value in values.items()
        }
        columns = ", ".join(f"{name} = ?" for name in plain)
        with self._connection() as db:
            db.execute(f"UPDATE {table} SET {columns} WHERE {where}", (*plain.values(), *keys))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            if not self._path.exists():
                self._create()
            connection = sqlite3.connect(self._path, timeout=20, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        except (sqlite3.Error, OSError) as reason:
            raise EngineUnreachable(
                f"the local engine's state cannot be used: {reason}.",
                where=str(self._path),
                next="Check that the state folder is writable and has space left.",
            ) from reason
        finally:
            if connection is not None:
                connection.close()

    def _create(self) -> None:
        """Make the database under another name and link it: of many callers one is first.

        Two connections that switch a new database to WAL at once get "database is locked".
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            with closing(sqlite3.connect(temporary)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
            with suppress(FileExistsError):
                os.link(temporary, self._path)
        finally:
            temporary.unlink(missing_ok=True)
