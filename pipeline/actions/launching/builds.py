"""Whether a model yaml builds: a run that does nothing else, and what came of such runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, prepare
from pipeline.actions.runs.find import find, record_of
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.kinds.build import BUILD
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.states import State
from pipeline.core.volume.failure import read_failure
from pipeline.core.volume.run_folder import RunFolder, run_folder

STEP = BUILD.result


@dataclass(frozen=True)
class Build:
    """What is known of a run that builds a model.

    Parameters
    ----------
    launch, model, imgsz
        The run, the model's name with its scale, and the size that was asked for.
    state
        Of the run; what is written on the volume counts before what its engine says.
    result
        What the step found out (``build.json``); empty until it has, and when it failed.
    failure
        Why the model does not build; empty when it does or nobody knows yet.
    where
        Which line of the yaml that is about, ``file:line``.
    """

    launch: str
    model: str
    imgsz: int
    state: State
    result: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    where: str = ""


def plan_build(here: Installation, model: str, imgsz: int) -> Plan:
    """Prepare a launch that only builds a model; nothing is written.

    Parameters
    ----------
    model
        Name of a model yaml, with its scale where it has scales.
    imgsz
        Side of the image that is passed through, in pixels.
    """
    name = f"{STEP}-{Path(model).stem}"[:100]
    choices = replace(BUILD.defaults, model=model, overrides={"imgsz": imgsz}, name=name)
    return prepare(here, choices)


def newest_build(
    here: Installation, launches: Iterable[str], model: str, imgsz: int
) -> Build | None:
    """Give the newest of some launches that builds this model at this size; None when none does.

    Parameters
    ----------
    launches
        Newest first, such as those that used the yaml's present content.
    """
    for launch in launches:
        folder = run_folder(here.volume, launch)
        record = record_of(folder)
        asked = record.choices if record else None
        if not asked or kind_of(asked) is not BUILD:
            continue
        if asked.model == model and asked.overrides["imgsz"] == imgsz:
            return _build(here, folder, model, imgsz)
    return None


def _build(here: Installation, folder: RunFolder, model: str, imgsz: int) -> Build:
    result, failure = _document(folder.built), read_failure(folder.failure(STEP))
    if result:
        return Build(folder.name, model, imgsz, State.SUCCEEDED, result)
    if failure:
        state, words = State.FAILED, failure.words
        return Build(folder.name, model, imgsz, state, failure=words, where=failure.why)
    try:
        run = find(here, folder.name)
    except SlipwayError as reason:  # its engine is out of reach: the run page says so, too
        return Build(folder.name, model, imgsz, State.UNKNOWN, failure=str(reason))
    said = run.message or next((step.message for step in run.steps if step.message), "")
    return Build(folder.name, model, imgsz, run.state, failure=said if _is_bad(run.state) else "")


def _is_bad(state: State) -> bool:
    return state in (State.FAILED, State.STOPPED, State.UNKNOWN)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except (SlipwayError, ValueError):  # not there yet, or damaged: the run's state says more
        return {}
    return document if isinstance(document, dict) else {}
