"""The form of the state file: its tables, its version, and how an older one becomes this one."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from pipeline.core.errors import EngineUnreachable
from pipeline.core.said import said
from pipeline.engines.local.control.succession import no_older_controller
from pipeline.engines.local.layout import LOCK_NAME
from pipeline.engines.local.queue.erasure import erase_values

# Step n takes a file of version n to n + 1. Only add: the file may have any of the older ones. A
# controller of the older code ends first, since it refuses what is newer.
_STEPS = (
    """
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
""",
    """
ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE steps ADD COLUMN is_stopping INTEGER NOT NULL DEFAULT 0;
CREATE TABLE switches (name TEXT PRIMARY KEY, is_on INTEGER NOT NULL);
CREATE INDEX runs_order ON runs (state, priority, position);
""",
    """
ALTER TABLE runs ADD COLUMN secrets TEXT NOT NULL DEFAULT '{}';
""",
)
# What messages were made of, for pages in other languages. It is no step: older code neither needs
# nor minds it.
_SENTENCES = "CREATE TABLE IF NOT EXISTS sentences (text TEXT PRIMARY KEY, said TEXT NOT NULL)"
_ERASED = len(_STEPS)
# The last step is no change of form: what was erased is overwritten in the file, too.
VERSION = _ERASED + 1
_BUSY_S = 20
_OVERWRITE_MS = 1000
# Where this process has tried to overwrite: each try may take a second, and a page waits for it.
_overwritten: set[Path] = set()


def open_state(path: Path) -> sqlite3.Connection:
    """Open the state file in the form of this code; it is made, or brought up to date, first.

    Raises
    ------
    sqlite3.Error, OSError
        The file cannot be used.
    EngineUnreachable
        A newer Slipway wrote it.
    """
    if not path.exists():
        _create(path)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        # What is recorded stays so when the power fails: a step that ran must not run again.
        connection.execute("PRAGMA synchronous = FULL")
        if _version(connection) != VERSION:
            _bring_up_to_date(connection, path)
        connection.execute(_SENTENCES)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """Give the version of a file; the first one did not say it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version:
        return version
    query = "SELECT count(*) FROM sqlite_master WHERE name = 'runs'"
    return int(connection.execute(query).fetchone()[0])


def _bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > VERSION:
        raise EngineUnreachable(
            said(
                "the local engine's state is of version {version}; this code knows {known}.",
                version=version,
                known=VERSION,
            ),
            where=str(path),
            next=said("Update Slipway, or set SLIPWAY_STATE to another folder."),
        )
    if version < _ERASED:
        lock_file = path.with_name(LOCK_NAME)
        with no_older_controller(lock_file, lambda: _version(connection) >= _ERASED):
            _update(connection)
    if path not in _overwritten:
        _overwritten.add(path)
        _overwrite(connection)


def _update(connection: sqlite3.Connection) -> None:
    """Take a file from whatever version it has to the newest form, whole or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # of many callers one was first
        for script in _STEPS[version:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        if 0 < version < _ERASED:
            erase_values(connection)
        if version < _ERASED:
            connection.execute(f"PRAGMA user_version = {_ERASED if version else VERSION}")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has ended the transaction already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _overwrite(connection: sqlite3.Connection) -> None:
    """Leave no byte of what was erased, in the file or its log; else the next process tries."""
    with suppress(sqlite3.Error):  # somebody reads, or there is no room just now
        connection.execute(f"PRAGMA busy_timeout = {_OVERWRITE_MS}")
        connection.execute("VACUUM")
        is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy:
            connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_S * 1000}")


def _create(path: Path) -> None:
    """Make the file under another name and link it: of many callers one is first.

    Two connections that switch a new database to WAL at once get "database is locked".
    """
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            _update(connection)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
