"""A further engine is a line of the registry and a folder: nothing else knows engines by name."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.runs import queue
from pipeline.actions.runs.find import newest
from pipeline.actions.upkeep.clean import plan
from pipeline.actions.upkeep.doctor import examine
from pipeline.cli.main import main
from pipeline.core.engines import ENGINES, Traits
from pipeline.core.errors import InputError, RunNotFound, UsageError
from pipeline.core.settings import load_settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, LogChunk, Queue, QueueEngine, Run, RunPage, Workflow
from pipeline.engines.registry import make_engine


class Shelf(Engine):
    """An engine that does nothing but what every engine must: its runs wait for ever."""

    name = "shelf"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = ["first", "second"]

    def submit(self, workflow: Workflow, launch: str) -> str:
        self._runs.append(launch)
        return launch

    def get(self, run_id: str) -> Run:
        if run_id not in self._runs:
            raise RunNotFound(f"no {run_id}.")
        return Run(run_id, run_id, run_id, self.name, State.PENDING, "2026-11-29T10:00:00Z")

    def list_runs(self, *, limit: int = 50, token: str = "") -> RunPage:
        return RunPage(tuple(self.get(run) for run in self._runs[:limit]))

    def stop(self, run_id: str) -> None:
        self._runs.remove(run_id)

    retry = delete = stop

    def logs(self, run_id: str, step: str, offset: int = 0) -> LogChunk:
        return LogChunk("", 0, is_complete=False)


class OrderedShelf(Shelf, QueueEngine):
    """One that has a queue, and more to say to those who keep the house."""

    name = "ordered"

    def queue(self) -> Queue:
        runs = self.list_runs().runs
        return Queue(runs, dict.fromkeys(self._runs, 0), 1, is_paused=False, starts_in_s={})

    def reorder(self, run_id: str, position: int) -> None:
        self._runs.remove(run_id)
        self._runs.insert(position, run_id)

    def prioritise(self, run_id: str, priority: int) -> None: ...

    def pause(self, *, is_paused: bool) -> None: ...

    def health(self) -> str:
        return "the shelf holds"

    def checks(self) -> Mapping[str, Callable[[], str]]:
        def screws() -> str:
            raise InputError("two screws are loose.", next="Tighten them.")

        return {"screws": screws}

    def leftovers(self) -> list[Path]:
        return [self._folder / "dust"]


@pytest.fixture
def here(volume: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation that offers both beside the embedded engine."""
    for engine in (Shelf, OrderedShelf):
        monkeypatch.setitem(ENGINES, engine.name, Traits())
        module = ModuleType(f"pipeline.engines.{engine.name}.engine")
        module.make = lambda settings, made=engine: made(settings.state)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    names = {"SLIPWAY_ENGINES": "shelf,ordered", "SLIPWAY_STATE": str(state)}
    for name, value in {**names, "SLIPWAY_VOLUME": str(volume)}.items():
        monkeypatch.setenv(name, value)
    return Installation(load_settings())


def test_it_is_offered_as_soon_as_it_is_registered(here: Installation) -> None:
    assert here.settings.engine == "shelf"
    assert load_settings({}, {}).engines == ("local", "shelf", "ordered")
    assert make_engine(here.settings).gpus() is None


def test_its_runs_are_listed(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert {run.engine for run in newest(here).runs} == {"shelf", "ordered"}
    assert main(["runs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["engine"], row["state"]) for row in rows[:1]] == [("shelf", "pending")]


def test_doctor_asks_it_how_it_is(here: Installation) -> None:
    found = {check["name"]: check for check in examine(here)["checks"]}
    assert found["engine"]["detail"] == "'shelf' answers, last run first."
    assert found["engine ordered"]["detail"] == "the shelf holds, last run first."
    assert (found["screws"]["ok"], found["screws"]["next"]) == (False, "Tighten them.")


def test_a_clean_up_finds_what_it_left(here: Installation) -> None:
    (here.settings.state / "dust").mkdir()
    assert [item.name for item in plan(here).items] == [str(here.settings.state / "dust")]


def test_the_queue_is_that_of_the_engine_that_has_one(here: Installation) -> None:
    assert [run.id for run in queue.queue(here).waiting] == ["first", "second"]
    queue.move(here, "second", 0)
    assert [run.id for run in queue.queue(here).waiting] == ["second", "first"]


def test_without_an_engine_that_has_one_the_queue_is_empty(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINES", "shelf")
    alone = Installation(load_settings())
    assert queue.queue(alone) == queue.Queue()
    with pytest.raises(UsageError, match="queue"):
        queue.pause(alone, is_paused=True)
