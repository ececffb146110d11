"""Looking at one run, and at what its steps printed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.actions.ending import Written, write_ending
from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import find, folder_of, is_only_recorded, record_of
from pipeline.actions.runs.from_mlflow import show_elsewhere
from pipeline.actions.runs.model import InMlflow, Origin, RunDetails, RunFacts, Tested
from pipeline.core.clock import utc_at
from pipeline.core.engines import traits_of
from pipeline.core.errors import EngineUnreachable, NotFound
from pipeline.core.files import read_json
from pipeline.core.launch.kinds.registry import step_names
from pipeline.core.launch.launch import Launch
from pipeline.core.said import said, sentences
from pipeline.core.states import State
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import LogChunk, Run
from pipeline.tracking.elsewhere import is_elsewhere

_LOG_BYTES = 1 << 20


def show(here: Installation, run: str) -> RunDetails:
    """Give everything about one run.

    A run that only MLflow knows is named ``mlflow:`` and its id there.
    """
    if is_elsewhere(run):
        return show_elsewhere(here, run)
    found = find(here, run)
    folder = folder_of(here, found)
    write_ending(here.memory(Written), found, folder)
    tracking = here.tracking
    history, source = tracking.history_or_file(folder)
    params, params_source = tracking.params_or_file(folder)
    facts = facts_of(found, folder, record_of(folder))
    is_from_file = source != "mlflow" and folder.results.is_file()
    return RunDetails(
        facts=replace(facts, message=sentences(found.message, _other_volume(found, folder))),
        history=history,
        metrics_source=source,
        as_of=utc_at(folder.results.stat().st_mtime) if is_from_file else "",
        params=params,
        params_source=params_source,
        tested=tested_of(folder),
        build=read_json(folder.built, {}),
        mlflow=InMlflow(tracking.run_id(folder.name), tracking.run_url(folder.name)),
    )


def logs(here: Installation, run: str, step: str, offset: int = 0) -> LogChunk:
    """Give what a step printed from an offset on, also when its pod is long gone.

    Raises
    ------
    NotFound
        There is no such run or step.
    """
    found = find(here, run)
    if not is_only_recorded(found):
        try:
            return here.engine(found.engine).logs(found.id, step, offset)
        except EngineUnreachable:
            if not folder_of(here, found).log(step).is_file():
                raise
    if step not in step_names():
        known = ", ".join(step_names())
        raise NotFound(
            said("There is no step '{step}'.", step=step),
            where="step",
            next=said("Choose one of {known}.", known=known),
        )
    return _logged(folder_of(here, found).log(step), offset)


def tested_of(folder: RunFolder) -> Tested:
    """Give what the test step measured; nothing when it has not run."""
    document = read_json(folder.test_metrics, {})
    split, classes = str(document.pop("split", "")), document.pop("classes", {})
    return Tested(document, split, classes)


def facts_of(run: Run, folder: RunFolder, record: Launch | None) -> RunFacts:
    """Give what is known of a run without asking MLflow."""
    given = run.parameters
    chosen = record.choices if record else None
    return RunFacts(
        launch=folder.name,
        id=run.id,
        engine=run.engine,
        origin=Origin.RECORDED if is_only_recorded(run) else Origin.ENGINE,
        state=run.state,
        user=record.user if record else given.get("user", ""),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        message=run.message,
        model=chosen.model if chosen else given.get("model_name", ""),
        cfg=chosen.cfg if chosen else given.get("cfg", ""),
        data=chosen.data if chosen else given.get("data", ""),
        experiment=chosen.experiment if chosen else "",
        cloned_from=record.cloned_from if record else "",
        sweep=record.sweep if record else "",
        from_trial=record.from_trial if record else "",
        steps=run.steps,
        parameters=given,
        folder=folder,
    )


def _other_volume(run: Run, folder: RunFolder) -> str:
    """Say that a run writes to another volume than this one: verify claims its folder first."""
    is_verified = any(step.name == "verify" and step.state is State.SUCCEEDED for step in run.steps)
    if not traits_of(run.engine).in_cluster or not is_verified or folder.owner.is_file():
        return ""
    return said(
        "this volume is not the one that the run writes to: verify finished, and nothing of it is"
        " in runs/{name}. Plots and metrics will be missing here until SLIPWAY_VOLUME is"
        " the claim that runs use (SLIPWAY_PVC_NAME).",
        name=folder.name,
    )


def _logged(path: Path, offset: int) -> LogChunk:
    if not path.is_file():
        return LogChunk("", offset, True)
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read(_LOG_BYTES)
        is_complete = not file.read(1)
    return LogChunk(data.decode("utf-8", "replace"), offset + len(data), is_complete)
