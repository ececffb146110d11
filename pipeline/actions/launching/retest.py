"""Measuring a run's weights again, on another split or another dataset."""

from __future__ import annotations

from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, choices_of, prepare
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.errors import FileMissing, SlipwayError
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.launch.launch import load_launch
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder

SPLITS = ("val", "test", "train")


def retest(here: Installation, run: str, data: str, split: str) -> Plan:
    """Prepare a launch that only measures a run's weights, on the engine of that run.

    Parameters
    ----------
    run
        The run that trained them, or that only tested them.
    data, split
        What they are measured on.

    Returns
    -------
    Plan
        To look at and, when it is ok, to submit.

    Raises
    ------
    FileMissing
        The run has no best.pt, and none is left that it tested.
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    """
    found = find(here, run)
    folder = folder_of(here, found)
    weights = measured_weights(here.volume, folder)
    if weights is None:
        raise FileMissing(
            said("{name} has no best.pt to test.", name=folder.name),
            where=str(folder.weights("best")),
            next=said("Wait until its training has saved one, or choose another run."),
        )
    model = here.volume.relative(weights)
    choices = TEST.made_of(
        choices_of(here, found), model=model, data=data, test_split=split, name=""
    )
    return prepare(here.on(found.engine), choices, cloned_from=folder.name)


def measured_weights(volume: Volume, folder: RunFolder) -> Path | None:
    """Give the weights that a run's test measures: its best.pt, or what it was given to test.

    None where they are not there, not yet or not any more.
    """
    best = folder.weights("best")
    if best.is_file():
        return best
    try:
        launch = load_launch(folder.launch)
        given = volume.path(launch.model_path)
        return given if kind_of(launch.choices) is TEST and given.is_file() else None
    except (SlipwayError, OSError, TypeError):  # of a damaged record
        return None
