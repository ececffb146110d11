"""The queue of the engine that has one: what runs, what waits, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.actions.installation import Installation
from pipeline.core.errors import UsageError
from pipeline.core.said import said
from pipeline.core.states import State
from pipeline.engines.base import QueueEngine, Run

PRIORITIES = {"high": 1, "normal": 0, "low": -1}


@dataclass(frozen=True)
class Queue:
    """An engine's work.

    Parameters
    ----------
    waiting
        Runs of which nothing runs yet, the next to start first.
    busy
        Runs that are at work.
    slots
        How many may be at a time.
    is_paused
        Whether nothing starts until somebody lets the queue go on.
    priorities
        ``high``, ``normal`` or ``low`` by run id: first by priority, then by time.
    starts_in_s
        By run id, about how many seconds from now a waiting run starts, judged by how long runs
        like it took; empty when nothing is known of that.
    """

    waiting: tuple[Run, ...] = ()
    busy: int = 0
    slots: int = 0
    is_paused: bool = False
    priorities: Mapping[str, str] = field(default_factory=dict)
    starts_in_s: Mapping[str, float] = field(default_factory=dict)


def queue(here: Installation) -> Queue:
    """Give the queue; it is empty where no engine that is offered has one."""
    engine = _with_queue(here)
    if engine is None:
        return Queue()
    found = engine.queue()
    names = {number: name for name, number in PRIORITIES.items()}
    waiting = tuple(run for run in found.runs if run.state is State.PENDING)
    return Queue(
        waiting=waiting,
        busy=len(found.runs) - len(waiting),
        slots=found.slots,
        is_paused=found.is_paused,
        priorities={run.id: names[found.priorities[run.id]] for run in waiting},
        starts_in_s=found.starts_in_s,
    )


def move(here: Installation, run: str, place: int) -> None:
    """Put a waiting run at a place in the queue, 0 being the next to start.

    Among runs of another priority it takes theirs.

    Raises
    ------
    RunNotFound
        The engine has no such run.
    UsageError
        It has started, or is over: nothing is left to move.
    """
    engine = _engine(here)
    engine.reorder(_waiting(engine, run).id, place)


def prioritise(here: Installation, run: str, priority: str) -> None:
    """Let a waiting run start before those of a lower priority; raises what `move` does.

    Raises
    ------
    UsageError
        There is no such priority.
    """
    if priority not in PRIORITIES:
        raise UsageError(
            said("'{priority}' is no priority.", priority=priority),
            next=said("Choose of {names}.", names=", ".join(PRIORITIES)),
        )
    engine = _engine(here)
    engine.prioritise(_waiting(engine, run).id, PRIORITIES[priority])


def pause(here: Installation, *, is_paused: bool) -> None:
    """Let no run start any more, or again; those that have started go on."""
    _engine(here).pause(is_paused=is_paused)


def _waiting(engine: QueueEngine, run: str) -> Run:
    found = engine.get(run)
    if found.state is not State.PENDING:
        raise UsageError(
            said(
                "{run} does not wait any more: it is {label}.",
                run=found.launch or found.id,
                label=found.state.label,
            ),
            where="queue",
            next=said("Look at the list again."),
        )
    return found


def _with_queue(here: Installation) -> QueueEngine | None:
    engines = (here.engine(name) for name in here.settings.engines)  # the first mostly has one
    return next((engine for engine in engines if isinstance(engine, QueueEngine)), None)


def _engine(here: Installation) -> QueueEngine:
    engine = _with_queue(here)
    if engine is None:
        raise UsageError(
            said(
                "none of the engines {names} has a queue.", names=", ".join(here.settings.engines)
            ),
            where="SLIPWAY_ENGINES",
            next=said("Kubeflow orders its runs itself; for a queue, offer 'local' too."),
        )
    return engine
