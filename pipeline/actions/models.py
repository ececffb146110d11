"""Weights that there are, where each came from and how well it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.recorded import Recorded
from pipeline.actions.runs.details import tested_of
from pipeline.actions.runs.entries import list_entries
from pipeline.actions.runs.rows import require_an_answer
from pipeline.core.states import State
from pipeline.core.volume.paths import Choice
from pipeline.core.volume.run_folder import RUNS, RunFolder
from pipeline.tracking.schema import LIST_METRIC


@dataclass(frozen=True)
class Weights:
    """One ``.pt`` file.

    Parameters
    ----------
    name, path
        By what it is chosen for a launch; the file, relative to the volume.
    bytes, changed_at_s
        Size, and time of the last change in seconds since 1970.
    launch
        The run that trained it; empty for a file that somebody put on the volume.
    model, data
        What that run started from and trained on.
    test_map
        mAP50-95 of the test step, which measures ``best.pt``; None when it was not measured.
    test_split
        The split that it was measured on.
    """

    name: str
    path: str
    bytes: int
    changed_at_s: float
    launch: str = ""
    model: str = ""
    data: str = ""
    test_map: float | None = None
    test_split: str = ""


def list_weights(here: Installation) -> list[Weights]:
    """List the weights on the volume, then those of finished runs, newest run first.

    Raises
    ------
    EngineUnreachable
        There are weights of runs, and no engine says which runs are finished.
    """
    found = [choice for choice in here.volume.choices("model") if choice.path.endswith(".pt")]
    return [_on_the_volume(here, choice) for choice in found] + weights_of_runs(here)


def weights_of_runs(here: Installation) -> list[Weights]:
    """List the weights of runs, newest run first; those of runs that go on are not done.

    Raises
    ------
    EngineUnreachable
        There are some, and no engine says which runs are finished.
    """
    folders = here.folders.all()
    kept = here.folders.kept("weights", [entry.name for entry in folders], _read)
    if not any(kept.values()):
        return []
    entries, outages = list_entries(here)
    require_an_answer(here, outages)
    unfinished = {
        entry.facts.name for entry in entries if entry.facts.state in (State.PENDING, State.RUNNING)
    }
    return [
        _of_run(folder, one)
        for folder in folders
        if folder.name not in unfinished
        for one in kept[folder.name]
    ]


def _on_the_volume(here: Installation, choice: Choice) -> Weights:
    changed_at_s = (here.settings.volume / choice.path).stat().st_mtime
    return Weights(choice.name, choice.path, choice.bytes, changed_at_s)


def _of_run(folder: Recorded, one: dict[str, Any]) -> Weights:
    path = f"{RUNS}/{folder.name}/{one['path']}"
    choices = folder.launch.choices if folder.launch else None
    return Weights(
        path,
        path,
        one["bytes"],
        one["changed_at_s"],
        folder.name,
        choices.model if choices else "",
        choices.data if choices else "",
        one["test_map"],
        one["test_split"],
    )


def _read(folder: RunFolder) -> list[dict[str, Any]]:
    """Give what the index keeps of a run's weights."""
    tested = tested_of(folder)
    found = []
    for which in ("best", "last"):
        path, is_tested = folder.weights(which), which == "best"
        if path.is_file():
            status = path.stat()
            found.append(
                {
                    "path": path.relative_to(folder.path).as_posix(),
                    "bytes": status.st_size,
                    "changed_at_s": status.st_mtime,
                    "test_map": tested.metrics.get(LIST_METRIC) if is_tested else None,
                    "test_split": tested.split if is_tested else "",
                }
            )
    return found
