"""The queue and the state of all runs: one SQLite file in WAL mode, used by many processes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.core.clock import utc_now
from pipeline.core.errors import EngineUnreachable, RunNotFound
from pipeline.core.said import Said, as_json, said
from pipeline.core.states import State
from pipeline.engines.local.queue.rows import RunRow, StepRow, read_run, read_step
from pipeline.engines.local.queue.schema import open_state

_SAID = "(SELECT said FROM sentences WHERE text = message)"
_RUN = (
    "seq, id, uid, launch, state, message, created_at, started_at, finished_at, position,"
    f" stop_at, is_deleted, priority, parameters, settings, secrets, {_SAID} AS said"
)
_STEP = (
    "run, name, state, message, started_at, finished_at, attempt, devices, outputs, is_stopping,"
    f" {_SAID}"
)
_UNFINISHED = "state IN ('pending', 'running')"
ORDER = "ORDER BY priority DESC, position"


class Store:
    """Opens a connection for each call, so that threads and processes share nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block; an exception undoes what the block wrote."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has ended the transaction already
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
                " settings, secrets, workflow) VALUES (?, ?, ?, ?, ?,"
                " (SELECT coalesce(max(position), 0) + 1 FROM runs), ?, ?, ?, ?)",
                (
                    run.id,
                    run.uid,
                    run.launch or None,
                    State.PENDING.value,
                    run.created_at,
                    json.dumps(run.parameters),
                    json.dumps(run.settings),
                    json.dumps(run.secrets),
                    json.dumps(workflow),
                ),
            )
            db.executemany(
                "INSERT INTO steps (run, place, name, state) VALUES (?, ?, ?, 'pending')",
                [(run.id, place, name) for place, name in enumerate(steps)],
            )
        return run.id

    def id_of(self, launch: str) -> str:
        """Give the id of the run of a launch, or nothing."""
        with self.connection() as db:
            found = db.execute("SELECT id FROM runs WHERE launch = ?", (launch,)).fetchone()
        return str(found[0]) if found else ""

    def find(self, name: str) -> RunRow:
        """Give a run by its id or launch id.

        Raises
        ------
        RunNotFound
            There is none, or it was deleted.
        """
        rows = self.runs("WHERE (id = :name OR launch = :name) AND NOT is_deleted", name=name)
        if not rows:
            raise RunNotFound(
                said("no run '{name}' on the local engine.", name=name),
                next=said("See `slipway runs`."),
            )
        return rows[0]

    def page(self, limit: int, before: int | None) -> list[RunRow]:
        """Give runs, newest first."""
        return self.runs(
            "WHERE NOT is_deleted AND (:before IS NULL OR seq < :before)"
            " ORDER BY seq DESC LIMIT :limit",
            before=before,
            limit=limit,
        )

    def unfinished(self) -> list[RunRow]:
        """Give the runs that run, then those that wait in the order in which they start."""
        return self.runs(
            f"WHERE {_UNFINISHED} ORDER BY state != 'running', priority DESC, position"
        )

    def active(self) -> list[RunRow]:
        """Give the runs that run, and those that shall stop before they have."""
        return self.runs(
            f"WHERE state = 'running' OR (state = 'pending' AND stop_at != '') {ORDER}"
        )

    def succeeded(self, limit: int) -> list[RunRow]:
        """Give the newest runs that succeeded."""
        return self.runs("WHERE state = 'succeeded' ORDER BY seq DESC LIMIT :limit", limit=limit)

    def hidden_and_over(self) -> list[str]:
        """Give the ids of deleted runs that are over and still there: a deletion was cut short."""
        return [run.id for run in self.runs(f"WHERE is_deleted AND NOT {_UNFINISHED}")]

    def all_ids(self) -> set[str]:
        """Give the ids of all runs, deleted ones that still stop among them."""
        with self.connection() as db:
            return {row["id"] for row in db.execute("SELECT id FROM runs")}

    def unfinished_ids(self) -> set[str]:
        """Give the ids of the runs that run or wait."""
        with self.connection() as db:
            return {row["id"] for row in db.execute(f"SELECT id FROM runs WHERE {_UNFINISHED}")}

    def has_unfinished(self, db: sqlite3.Connection | None = None) -> bool:
        """Say whether the controller has anything to do."""
        query = f"SELECT 1 FROM runs WHERE {_UNFINISHED} LIMIT 1"
        if db is not None:
            return db.execute(query).fetchone() is not None
        with self.connection() as connection:
            return connection.execute(query).fetchone() is not None

    def workflow(self, run_id: str) -> dict[str, Any]:
        """Give the document of a run."""
        with self.connection() as db:
            row = db.execute("SELECT workflow FROM runs WHERE id = ?", (run_id,)).fetchone()
        document: dict[str, Any] = json.loads(row[0])
        return document

    def steps(self, run_ids: Iterable[str]) -> dict[str, list[StepRow]]:
        """Give the steps of runs in the pipeline's order."""
        ids = list(run_ids)
        found: dict[str, list[StepRow]] = {run_id: [] for run_id in ids}
        with self.connection() as db:
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
            changed = db.execute(
                f"UPDATE runs SET stop_at = ? WHERE id = ? AND stop_at = '' AND {_UNFINISHED}",
                (utc_now(), run_id),
            ).rowcount
            if changed:
                _mark_running_steps(db, run_id)

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
                    " finished_at = '', devices = '[]', outputs = '{}', is_stopping = 0"
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
            _mark_running_steps(db, run_id)
            db.execute(
                "DELETE FROM sentences WHERE text NOT IN"
                " (SELECT message FROM runs UNION SELECT message FROM steps)"
            )
        return hidden == 0

    def runs(self, where: str, **values: Any) -> list[RunRow]:
        """Give runs by the end of a query, whose names stand for the values."""
        with self.connection() as db:
            return [read_run(row) for row in db.execute(f"SELECT {_RUN} FROM runs {where}", values)]

    def _update(self, table: str, values: dict[str, Any], where: str, *keys: str) -> None:
        plain = {
            name: json.dumps(value) if isinstance(value, dict | list | tuple) else value
            for name, value in values.items()
        }
        columns = ", ".join(f"{name} = ?" for name in plain)
        said = [(value, as_json(value)) for value in values.values() if isinstance(value, Said)]
        with self.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO sentences VALUES (?, ?)", said)
            db.execute(f"UPDATE {table} SET {columns} WHERE {where}", (*plain.values(), *keys))

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a block; each statement is a transaction of its own.

        Raises
        ------
        EngineUnreachable
            It cannot be used, or a statement failed.
        """
        connection = None
        try:
            connection = open_state(self._path)
            yield connection
        except (sqlite3.Error, OSError) as reason:
            raise EngineUnreachable(
                said("the local engine's state cannot be used: {reason}.", reason=reason),
                where=str(self._path),
                next=said("Check that the state folder is writable and has space left."),
            ) from reason
        finally:
            if connection is not None:
                connection.close()


def _mark_running_steps(db: sqlite3.Connection, run_id: str) -> None:
    """Note which steps a stop found at work: an exit handler that starts after it runs."""
    db.execute("UPDATE steps SET is_stopping = 1 WHERE run = ? AND state = 'running'", (run_id,))
