"""The queue of the embedded engine: what runs, what waits, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.actions.engines import engine_of
from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Run
from pipeline.engines.local.engine import LocalEngine


@dataclass(frozen=True)
class Queue:
    """The embedded engine's work.

    Parameters
    ----------
    waiting
        Runs of which nothing runs yet, the next to start first.
    busy
        Steps that run now.
    slots
        How many steps may run at a time.
    """

    waiting: tuple[Run, ...] = ()
    busy: int = 0
    slots: int = 0


def queue(settings: Settings) -> Queue:
    """Give the queue; it is empty where the embedded engine is not offered."""
    if "local" not in settings.engines:
        return Queue()
    runs = _local(settings).queue()
    return Queue(
        waiting=tuple(run for run in runs if run.state is State.PENDING),
        busy=sum(step.state is State.RUNNING for run in runs for step in run.steps),
        slots=settings.job_slots,
    )


def move(settings: Settings, run: str, place: int) -> None:
    """Put a waiting run at a place in the queue, 0 being the next to start.

    Raises
    ------
    RunNotFound
        The embedded engine has no such run.
    UsageError
        It has started, or is over: nothing is left to move.
    """
    engine = _local(settings)
    found = engine.get(run)
    if found.state is not State.PENDING:
        raise UsageError(
            f"{found.launch or found.id} does not wait any more: it is {found.state.label}.",
            where="queue",
            next="Look at the list again.",
        )
    engine.reorder(found.id, place)


def _local(settings: Settings) -> LocalEngine:
    engine = engine_of(settings, "local")
    assert isinstance(engine, LocalEngine)
    return engine
