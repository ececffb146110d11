"""How a run ended whose engine forgot it: what was written at its end, else its files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare, submit
from pipeline.actions.runs import details as runs
from pipeline.actions.runs.find import newest
from pipeline.actions.runs.model import Origin
from pipeline.actions.runs.page import page_of
from pipeline.core.files import write_atomic, write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import Run
from tests.engines.documents import finish
from tests.fault_table import record
from tests.processes import end_processes_of

LOOK = Choices(model="yolov8n-scratch.yaml", train=False)


@pytest.fixture
def here(volume: Path, state: Path) -> Iterator[Installation]:
    yield Installation(Settings(volume=volume, state=state, user="kim"))
    end_processes_of(state)


def ended(here: Installation) -> tuple[Run, RunFolder]:
    """Give a run that came to its end, and its folder."""
    started = submit(here, prepare(here, LOOK))
    run = finish(here.engine(), started.id)
    return run, RunFolder(here.settings.volume / "runs" / run.launch)


def elsewhere(here: Installation, tmp_path: Path) -> Installation:
    """Give the same volume, with an engine that knows no run."""
    return Installation(replace(here.settings, state=tmp_path / "another"))


def test_whoever_sees_the_end_writes_it_and_a_forgetful_engine_loses_nothing(
    here: Installation, tmp_path: Path
) -> None:
    run, folder = ended(here)
    seen = page_of(here, {}).rows[0].facts
    assert json.loads(folder.ended.read_text())["state"] == "succeeded"
    found = page_of(elsewhere(here, tmp_path), {}).rows[0].facts
    assert (found.state, found.started_at, found.finished_at, found.steps) == (
        seen.state,
        seen.started_at,
        seen.finished_at,
        seen.steps,
    )
    assert (found.origin, found.is_live) == (Origin.RECORDED, False)
    write_atomic(folder.ended, "{")
    again = runs.show(elsewhere(here, tmp_path), run.launch).facts
    assert again.state is State.SUCCEEDED  # judged by what the steps left
    assert [step.name for step in again.steps] == ["verify", "distribution", "plot"]
    assert again.finished_at
    record(
        "an engine that forgot a run",
        "after the run's end",
        "how the run ended, which its folder tells",
        "it can be looked at, compared, cloned and deleted",
    )


def test_a_folder_without_an_end_is_judged_by_what_its_steps_left(
    here: Installation, tmp_path: Path
) -> None:
    _, folder = ended(here)
    another = elsewhere(here, tmp_path)
    assert newest(another).runs[0].state is State.SUCCEEDED
    assert newest(another, state=State.FAILED).runs == ()
    (folder.step("plot") / "distribution.png").unlink()
    unknown = newest(another).runs[0]
    assert (unknown.state, unknown.steps[-1].name) == (State.UNKNOWN, "plot")
    assert unknown.steps[-1].state is State.UNKNOWN and unknown.finished_at  # its time does not run
    record(
        "an engine that forgot a run",
        "before anybody saw its end",
        "what the files of its steps say: done, failed or stopped; unknown where they do not",
        "it can be looked at, compared, cloned and deleted",
    )
    write_json(folder.failure("plot"), {"error": "no font.", "next": "Add one.", "exit_code": 1})
    failed = newest(another, state=State.FAILED).runs[0]
    assert (failed.state, failed.steps[-1].message) == (State.FAILED, "no font. Add one.")
    assert failed.message.startswith("no font. Add one. Engine 'local' does not know this run")
    write_json(folder.failure("plot"), {"error": "it was stopped.", "exit_code": 143})
    assert newest(another).runs[0].state is State.STOPPED
    write_atomic(folder.failure("plot"), "\x00")
    assert newest(another).runs[0].state is State.FAILED


@pytest.mark.parametrize(
    ("trials", "asked", "expected"), [(2, 2, State.SUCCEEDED), (1, 2, State.UNKNOWN)]
)
def test_a_search_is_over_when_all_its_trials_are_there(
    here: Installation, tmp_path: Path, trials: int, asked: int, expected: State
) -> None:
    _, folder = ended(here)
    document = json.loads(folder.launch.read_text())
    document["choices"] |= {"train": True, "tune": True}
    write_json(folder.launch, document)
    for path in (folder.applied, folder.test_metrics):
        path.parent.mkdir()
        write_json(path, {})
    folder.tune.parent.mkdir()
    write_json(folder.tune, {"trials": [{}] * trials, "trials_asked": asked})
    assert newest(elsewhere(here, tmp_path)).runs[0].state is expected


def test_a_volume_that_may_only_be_read_is_no_mistake(
    here: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    run, folder = ended(here)
    folder.ended.mkdir()  # root may write everywhere, but not over a folder
    with caplog.at_level(logging.WARNING):
        assert runs.show(here, run.id).facts.state is State.SUCCEEDED
        runs.show(here, run.id)
    assert caplog.text.count("ended.json cannot be written") == 1
