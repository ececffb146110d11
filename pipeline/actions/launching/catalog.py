"""What can be chosen for a launch, in the order in which it is offered."""

from __future__ import annotations

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import folder_of, of_all_engines
from pipeline.actions.runs.rows import require_an_answer
from pipeline.core.states import State
from pipeline.core.volume.paths import Choice, Kind, Volume
from pipeline.core.volume.run_folder import RunFolder, list_run_folders

_SAMPLE_DATASET = "datasets/shapes"
_SAMPLE_FILES = ("yolov8-scratch.yaml", "cfg-custom.yaml", "data-custom.yaml")


def list_choices(here: Installation, kind: Kind) -> list[Choice]:
    """List models, cfgs, data or tune yaml; the sample's first, weights of finished runs last.

    Raises
    ------
    EngineUnreachable
        There are weights of runs, and no engine says which runs are finished.
    """
    found = here.volume.choices(kind)
    if (here.volume.root / _SAMPLE_DATASET).is_dir():
        found.sort(key=lambda choice: choice.path not in _SAMPLE_FILES)
    return found + (_weights(here) if kind == "model" else [])


def _weights(here: Installation) -> list[Choice]:
    every = list_run_folders(here.volume)
    folders = [folder for folder in every if folder.weights("last").is_file()]
    if not folders:
        return []
    runs, outages = of_all_engines(here)
    require_an_answer(here, outages)
    states = {folder_of(here, run).name: run.state for run in runs}
    return [
        choice
        for folder in folders
        if states.get(folder.name, State.UNKNOWN) not in (State.PENDING, State.RUNNING)
        for choice in _weights_of(here.volume, folder)
    ]


def _weights_of(volume: Volume, folder: RunFolder) -> list[Choice]:
    paths = [folder.weights(which) for which in ("best", "last")]
    return [
        Choice(volume.relative(path), volume.relative(path), path.stat().st_size)
        for path in paths
        if path.is_file()
    ]
