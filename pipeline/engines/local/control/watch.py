"""Noticing at next to no cost that there is something to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path

from pipeline.core.errors import EngineUnreachable
from pipeline.engines.local.queue.schema import open_state
from pipeline.engines.local.steps import processes


class Watch:
    """Looks whether somebody wrote to the state file, or a running attempt is over.

    Parameters
    ----------
    database
        The state file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._version = -1

    def has_changed(self, attempts: Collection[Path]) -> bool:
        """Say whether anything happened since the last call; when in doubt, it did.

        ``PRAGMA data_version`` changes when another connection has written.
        """
        try:
            if self._connection is None:
                self._connection = open_state(self._database)
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except (sqlite3.Error, OSError, EngineUnreachable):
            self.close()
            return True
        is_new, self._version = version != self._version, version
        return is_new or any(not processes.is_at_work(attempt) for attempt in attempts)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
