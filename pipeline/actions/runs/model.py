"""One run, as everything above the engines sees it; `pipeline.cli.documents` makes JSON of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote
from pipeline.engines.base import Step
from pipeline.tracking.schema import LIST_METRIC
from pipeline.tracking.summary import History, Summary, summary


class Origin(StrEnum):
    """Who knows of a run."""

    ENGINE = "engine"
    RECORDED = "recorded"  # its folder alone
    MLFLOW = "mlflow"  # MLflow alone: Slipway did not launch it, and only looks at it


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run without asking MLflow for metrics.

    Parameters
    ----------
    launch
        What people call it: the name of its folder, or MLflow's name, which need not be unique.
    id
        The engine's id; of a run that only MLflow knows ``mlflow:`` and its id there.
    engine
        Name of the engine, or ``mlflow``.
    origin
        Who knows of it.
    state
        Where it is.
    user
        Who launched it.
    created_at, started_at, finished_at
        ISO 8601 in UTC, or empty.
    message
        Why it failed or what it waits for.
    model, cfg, data, experiment
        What it was launched with; empty where that is not known.
    cloned_from, sweep, from_trial
        What it was launched from; empty when from nothing.
    steps
        In the pipeline's order.
    parameters
        The workflow's.
    folder
        Its files, which need not be there yet; None when it never has any.
    """

    launch: str
    id: str
    engine: str
    origin: Origin
    state: State
    user: str = ""
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    message: str = ""
    model: str = ""
    cfg: str = ""
    data: str = ""
    experiment: str = ""
    cloned_from: str = ""
    sweep: str = ""
    from_trial: str = ""
    steps: tuple[Step, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    folder: RunFolder | None = None

    @cached_property
    def name(self) -> str:
        """What the run is asked for by."""
        return self.folder.name if self.folder else self.id

    @property
    def is_live(self) -> bool:
        """Whether somebody still runs it; what only its folder knows does not go on by itself."""
        return self.origin is not Origin.RECORDED and not self.state.is_finished


@dataclass(frozen=True)
class Tested:
    """What the test step measured.

    Parameters
    ----------
    metrics
        By name.
    split
        Where; empty when that is not known.
    classes
        Metrics by class; a class without instances in the split has none (None).
    """

    metrics: Mapping[str, float | None] = field(default_factory=dict)
    split: str = ""
    classes: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def by_class(self, metric: str) -> dict[str, float]:
        """Give a metric of each class that has it."""
        values = {name: of_class.get(metric) for name, of_class in self.classes.items()}
        return {name: value for name, value in values.items() if value is not None}


class Seeds(NamedTuple):
    """Runs that differ in nothing but their seed, the newest first, and what they come to."""

    runs: tuple[str, ...]
    mean: float | None = None
    std: float | None = None


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    Parameters
    ----------
    facts
        Which run.
    metrics
        The best value of the list's metric, by its name; empty before the first epoch.
    curve
        The list's metric by epoch.
    test
        The list's metric as the test step measured it.
    metrics_source
        ``mlflow``, or the file that values are from.
    note
        What people say about it.
    source
        Where it was launched when not by Slipway; else empty.
    is_data_changed
        Whether the data yaml is not what it was at launch.
    seeds
        The runs that the row stands for, when they are several.
    """

    facts: RunFacts
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    test: float | None = None
    metrics_source: str = "mlflow"
    note: RunNote = field(default_factory=RunNote)
    source: str = ""
    is_data_changed: bool = False
    seeds: Seeds | None = None

    @property
    def best(self) -> float | None:
        """The best value of the list's metric so far."""
        return self.metrics.get(LIST_METRIC)

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the runs that the row stands for, its own first."""
        return self.seeds.runs if self.seeds else (self.facts.name,)


class InMlflow(NamedTuple):
    """Where MLflow has a run: its id there and its page; empty where it has none, or no UI."""

    run_id: str = ""
    url: str = ""


@dataclass(frozen=True)
class RunDetails:
    """Everything about one run.

    Parameters
    ----------
    facts
        Which run.
    history, metrics_source
        (epoch from 1, value) of every metric, and ``mlflow`` or the file that they are from.
    params, params_source
        What the training was given, in the same way.
    mlflow
        Where MLflow has it.
    as_of
        When the file was written that metrics are from; empty when they are from MLflow.
    tested
        What the test step measured; nothing yet where it has no metrics.
    build
        What the build step wrote (``build.json``); empty when it has not.
    """

    facts: RunFacts
    history: History
    metrics_source: str
    params: Mapping[str, str]
    params_source: str
    mlflow: InMlflow
    as_of: str = ""
    tested: Tested = field(default_factory=Tested)
    build: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def metrics(self) -> Summary:
        """Best, its epoch, and last of every metric."""
        return summary(self.history)
