"""Measuring a run's weights again, on another split or another dataset."""

from __future__ import annotations

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, choices_of, prepare
from pipeline.actions.runs.find import find, folder_of
from pipeline.core.errors import FileMissing
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.said import said

SPLITS = ("val", "test", "train")


def retest(here: Installation, run: str, data: str, split: str) -> Plan:
    """Prepare a launch that only measures a run's best weights, on the engine of that run.

    Parameters
    ----------
    run
        The run that trained them.
    data, split
        What they are measured on.

    Returns
    -------
    Plan
        To look at and, when it is ok, to submit.

    Raises
    ------
    FileMissing
        The run has no best.pt.
    RunNotFound, EngineUnreachable
        There is no such run, or nobody can say.
    """
    found = find(here, run)
    folder = folder_of(here, found)
    best = folder.weights("best")
    if not best.is_file():
        raise FileMissing(
            said("{name} has no best.pt to test.", name=folder.name),
            where=str(best),
            next=said("Wait until its training has saved one, or choose another run."),
        )
    model = here.volume.relative(best)
    choices = TEST.made_of(
        choices_of(here, found), model=model, data=data, test_split=split, name=""
    )
    return prepare(here.on(found.engine), choices, cloned_from=folder.name)
