"""The runs that wait: their order, by priority and then by time, and whether any may start."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.core.said import said
from pipeline.engines.local.queue.rows import RunRow
from pipeline.engines.local.queue.store import ORDER, Store

_PAUSED = "queue-paused"


@dataclass(frozen=True)
class Places:
    """How long the queue is.

    Parameters
    ----------
    running
        How many runs run.
    before
        For each waiting run how many others start before it.
    is_paused
        Whether nothing starts.
    """

    running: int
    before: dict[str, int] = field(default_factory=dict)
    is_paused: bool = False

    def why(self, run_id: str, slots: int) -> str:
        """Say what a waiting run waits for; empty when it is its turn."""
        before = self.running + self.before.get(run_id, 0)
        if self.is_paused:
            count = self.before.get(run_id, 0)
            return said("the queue is paused; {count} before it", count=count)
        if before < slots:
            return ""
        return said("waits for a job slot; {count} before it", count=before)


class Waiting:
    """The part of the store that is the queue.

    Parameters
    ----------
    store
        Where the runs are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def next(self, limit: int) -> list[RunRow]:
        """Give the runs that start next; none while the queue is paused."""
        if limit <= 0 or self.is_paused():
            return []
        return self._store.runs(
            f"WHERE state = 'pending' AND stop_at = '' {ORDER} LIMIT :limit", limit=limit
        )

    def places(self) -> Places:
        """Give the place of every waiting run."""
        with self._store.connection() as db:
            running = db.execute("SELECT count(*) FROM runs WHERE state = 'running'").fetchone()[0]
            rows = db.execute(f"SELECT id FROM runs WHERE state = 'pending' {ORDER}").fetchall()
        before = {row["id"]: place for place, row in enumerate(rows)}
        return Places(running, before, self.is_paused())

    def is_paused(self) -> bool:
        """Say whether somebody has paused the queue."""
        with self._store.connection() as db:
            row = db.execute("SELECT is_on FROM switches WHERE name = ?", (_PAUSED,)).fetchone()
        return bool(row and row[0])

    def pause(self, *, is_paused: bool) -> None:
        """Let nothing start any more, or again; runs that have started are not touched."""
        with self._store.connection() as db:
            db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (_PAUSED, is_paused))

    def move(self, run_id: str, place: int) -> None:
        """Put a waiting run at a place among the waiting ones, 0 being the next to start.

        Among runs of another priority it takes theirs: the order is always by priority first.
        """
        with self._store.transaction() as db:
            rows = db.execute(
                f"SELECT id, position, priority FROM runs WHERE state = 'pending' {ORDER}"
            ).fetchall()
            priorities = {row["id"]: row["priority"] for row in rows}
            if run_id not in priorities:
                return
            own = priorities[run_id]
            order = [name for name in priorities if name != run_id]
            place = min(max(place, 0), len(order))
            above = priorities[order[place - 1]] if place else max(priorities.values())
            below = priorities[order[place]] if place < len(order) else own
            order.insert(place, run_id)
            taken = min(max(own, below), above)
            db.execute("UPDATE runs SET priority = ? WHERE id = ?", (taken, run_id))
            positions = sorted(row["position"] for row in rows)
            pairs = list(zip(positions, order, strict=True))
            db.executemany("UPDATE runs SET position = ? WHERE id = ?", pairs)

    def set_priority(self, run_id: str, priority: int) -> None:
        """Let a run start before every waiting one of a lower priority."""
        self._store.update_run(run_id, priority=priority)
