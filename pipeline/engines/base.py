"""What every engine promises.

An engine runs the Argo ``Workflow`` document that `pipeline.workflow` compiles. The promises,
proved for every engine by ``tests/engines/conformance``:

* **Threads.** One engine object may be used by many threads at once.
* **Idempotent submit.** ``submit`` of the same launch id gives the same run id and starts nothing
  new, also after a crash between submitting and recording: the launch id travels in the run.
* **Stop** is idempotent and returns at once; the run reaches ``stopped`` soon after, also when
  none of its steps has started.
* **Retry** keeps the run id and the workflow's uid; steps that succeeded are not run again.
  A retry of a run that is not finished, or that succeeded, changes nothing.
* **Delete** stops a run that is not finished; the run folder on the volume is not touched.
* **Unknown ids** raise `RunNotFound`; an engine that cannot be asked raises `EngineUnreachable`.
  No vendor exception leaves an engine.
* **States** are `pipeline.core.states.State`; what an engine says that is not known is UNKNOWN.
* **Logs** are of bytes: `logs` from an offset gives what came since, also when the step is over.
* **Ownership.** The workflow is the caller's; an engine keeps its own copy.

What only some engines can do, all can be asked: the methods of `Engine` that are not abstract say
what is true of an engine without it. One that has a queue of its own is a `QueueEngine`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.launch.kinds.steps import NOTIFY
from pipeline.core.launch.placement import NodeCapacity
from pipeline.core.said import said
from pipeline.core.states import State

Workflow = Mapping[str, Any]
# Runs last whatever became of the others.
EXIT_HANDLER = NOTIFY.name


@dataclass(frozen=True)
class Step:
    """One step of a run.

    Parameters
    ----------
    name
        Of its kind of launch (`pipeline.core.launch.kinds`), or `EXIT_HANDLER`.
    state
        Where it is.
    started_at, finished_at
        ISO 8601 in UTC, or empty.
    message
        Why it is in this state, in one sentence; empty when all is well.
    """

    name: str
    state: State
    started_at: str = ""
    finished_at: str = ""
    message: str = ""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Step:
        """Read what `dataclasses.asdict` made of one, from JSON."""
        return cls(**{**values, "state": State(values["state"])})


@dataclass(frozen=True)
class Run:
    """One run of a workflow.

    Parameters
    ----------
    id
        The engine's id.
    uid
        The workflow's uid; it owns the run folder.
    launch
        Launch id, or empty when the run came from elsewhere.
    engine
        Name of the engine.
    state
        Where it is.
    created_at, started_at, finished_at
        ISO 8601 in UTC, or empty.
    steps
        In the pipeline's order, also those that have not started.
    message
        Why it failed or what it waits for.
    parameters
        The workflow's parameters.
    """

    id: str
    uid: str
    launch: str
    engine: str
    state: State
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    steps: tuple[Step, ...] = ()
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Run:
        """Read what `dataclasses.asdict` made of one, from JSON."""
        steps = tuple(map(Step.from_dict, values["steps"]))
        return cls(**{**values, "state": State(values["state"]), "steps": steps})


@dataclass(frozen=True)
class RunPage:
    """A page of runs, newest first.

    Parameters
    ----------
    runs
        The runs.
    next_token
        Give it to `Engine.list_runs` for the next page; empty on the last one.
    """

    runs: tuple[Run, ...]
    next_token: str = ""


@dataclass(frozen=True)
class LogChunk:
    """A piece of a step's log.

    Parameters
    ----------
    text
        Whole lines while the step runs; what is left once it is over.
    offset
        Where to go on reading, in bytes.
    is_complete
        True when the step is over and nothing follows.
    """

    text: str
    offset: int
    is_complete: bool


@dataclass(frozen=True)
class Queue:
    """The engine's work.

    Parameters
    ----------
    runs
        Those that run, then those that wait in the order in which they start.
    priorities
        By run id; a run starts before those of a lower one.
    slots
        How many runs may run at a time.
    is_paused
        Whether nothing starts.
    starts_in_s
        By run id, about how many seconds from now a waiting run starts; empty when that cannot be
        known.
    """

    runs: tuple[Run, ...]
    priorities: Mapping[str, int]
    slots: int
    is_paused: bool
    starts_in_s: Mapping[str, float]


class Engine(ABC):
    """Runs workflows; the module's docstring states what every implementation promises."""

    name: str

    @abstractmethod
    def submit(self, workflow: Workflow, launch: str) -> str:
        """Start a run of the workflow for a launch id and give the run id.

        Raises
        ------
        InputError
            The engine does not know something in the workflow; the field is named and nothing ran.
        EngineUnreachable
            The engine did not answer; submitting again is safe.
        """

    @abstractmethod
    def get(self, run_id: str) -> Run:
        """Give one run, by the engine's id or by launch id."""

    @abstractmethod
    def list_runs(self, *, limit: int = 50, token: str = "") -> RunPage:
        """Give a page of runs, newest first."""

    @abstractmethod
    def stop(self, run_id: str) -> None:
        """Ask a run to stop; does nothing when it is over."""

    @abstractmethod
    def retry(self, run_id: str) -> None:
        """Go on with a failed or stopped run at the step that failed."""

    @abstractmethod
    def delete(self, run_id: str) -> None:
        """Forget a run, stopping it first when it is not over."""

    @abstractmethod
    def logs(self, run_id: str, step: str, offset: int = 0) -> LogChunk:
        """Give what a step printed from an offset on; a step that has not started gives nothing.

        Raises
        ------
        NotFound
            The run has no step of this name.
        """

    def gpus(self) -> int | None:
        """Give how many GPUs a run can have; None when only a scheduler knows."""
        return None

    def nodes(self) -> tuple[NodeCapacity, ...]:
        """Give the machines that a step may be placed on; empty when that cannot be known."""
        return ()

    def health(self) -> str:
        """Say, without a full stop, that the engine answers.

        Raises
        ------
        EngineUnreachable
            It does not.
        """
        return said("'{name}' answers", name=self.name)

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """Give what else `doctor` asks, by name: each says how it is, or raises what is wrong."""
        return {}

    def leftovers(self) -> Sequence[Path]:
        """Give folders of runs that the engine does not have, as after a deletion cut short."""
        return ()

    def wake(self) -> bool:
        """Start what does the engine's work where there is some and nobody does it; say if so.

        Raises
        ------
        EngineUnreachable
            The engine's state cannot be used.
        OSError
            Nothing can be started.
        """
        return False

    def render(self, workflow: Workflow) -> str:
        """Give the document that `submit` sends, as yaml."""
        return yaml.safe_dump(dict(workflow), sort_keys=False, allow_unicode=True)


class QueueEngine(Engine):
    """An engine whose runs wait for one another, in an order that people may change."""

    @abstractmethod
    def queue(self) -> Queue:
        """Give the runs that run or wait, in the order in which they start."""

    @abstractmethod
    def reorder(self, run_id: str, position: int) -> None:
        """Put a waiting run at a place in the queue, 0 being the next to start."""

    @abstractmethod
    def prioritise(self, run_id: str, priority: int) -> None:
        """Let a run start before every waiting one of a lower priority; 0 is the usual one."""

    @abstractmethod
    def pause(self, *, is_paused: bool) -> None:
        """Let no run start any more, or again; those that have started are not touched."""


def paged(engine: Engine, size: int = 200) -> Iterator[Run]:
    """Give all runs of an engine, newest first, asking for as many at a time as are wanted."""
    token = ""
    while True:
        found = engine.list_runs(limit=min(size, 200), token=token)
        yield from found.runs
        token = found.next_token
        if not token:
            return
