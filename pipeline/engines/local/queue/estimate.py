"""When waiting runs will start, judged by how long runs like them took."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from pipeline.engines.base import Run, Step

# What a run's duration depends on; the others name it or say who wants it.
_KIND = ("model_name", "cfg", "data", "bool_train", "bool_tune", "overrides", "tune_space")


def starts_in_s(
    running: Sequence[Run],
    waiting: Sequence[Run],
    past: Sequence[Run],
    slots: int,
    now: datetime | None = None,
) -> dict[str, float]:
    """Estimate for each waiting run after how many seconds it starts.

    A run is thought to take as long as the newest one of the same model, cfg, data and settings
    that succeeded, else the median of all of them; without any there is no estimate.

    Parameters
    ----------
    running, waiting
        The queue in its order.
    past
        Runs that succeeded, newest first.
    slots
        How many run at a time.
    now
        The time; given by tests.
    """
    moment = now or datetime.now(UTC)
    by_kind: dict[tuple[str, ...], float] = {}
    for run in past:
        by_kind.setdefault(_kind(run), _duration_s(run))
    if not by_kind:
        return {}
    usual_s = median(map(_duration_s, past))
    free = [0.0] * max(slots - len(running), 0)
    for run in running:
        left_s = by_kind.get(_kind(run), usual_s) - _seconds(run.started_at, moment)
        free.append(max(left_s, 0.0))
    heapq.heapify(free)
    found = {}
    for run in waiting:
        found[run.id] = heapq.heappop(free)
        heapq.heappush(free, found[run.id] + by_kind.get(_kind(run), usual_s))
    return found


def _kind(run: Run) -> tuple[str, ...]:
    return tuple(run.parameters.get(name, "") for name in _KIND)


def _duration_s(run: Run) -> float:
    """Add up the steps: between a failure and a retry nothing ran."""
    return sum(map(_step_s, run.steps))


def _step_s(step: Step) -> float:
    if not (step.started_at and step.finished_at):
        return 0.0
    return _seconds(step.started_at, datetime.fromisoformat(step.finished_at))


def _seconds(start: str, end: datetime) -> float:
    return max((end - datetime.fromisoformat(start)).total_seconds(), 0.0) if start else 0.0
