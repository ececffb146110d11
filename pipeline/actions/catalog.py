"""What can be chosen for a launch, in the order in which it is offered."""

from __future__ import annotations

from pipeline.actions.found_runs import all_runs, folder_of
from pipeline.core.run_folder import RunFolder, list_run_folders
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume import Choice, Kind, Volume
from pipeline.engines.registry import make_engine

_SAMPLE_DATASET = "datasets/shapes"
_SAMPLE_FILES = ("yolov8-scratch.yaml", "cfg-custom.yaml", "data-custom.yaml")


def list_choices(settings: Settings, kind: Kind) -> list[Choice]:
    """List models, cfgs, data or tune yaml; the sample's first, weights of finished runs last.

    Raises
    ------
    EngineUnreachable
        There are weights of runs, and which runs are finished cannot be asked.
    """
    volume = Volume(settings.volume, settings.data_roots)
    found = volume.choices(kind)
    if (volume.root / _SAMPLE_DATASET).is_dir():
        found.sort(key=lambda choice: choice.path not in _SAMPLE_FILES)
    return found + (_weights(settings, volume) if kind == "model" else [])


def _weights(settings: Settings, volume: Volume) -> list[Choice]:
    folders = [folder for folder in list_run_folders(volume) if folder.weights("last").is_file()]
    if not folders:
        return []
    states = {folder_of(settings, run).name: run.state for run in all_runs(make_engine(settings))}
    return [
        choice
        for folder in folders
        if states.get(folder.name, State.UNKNOWN) not in (State.PENDING, State.RUNNING)
        for choice in _weights_of(volume, folder)
    ]


def _weights_of(volume: Volume, folder: RunFolder) -> list[Choice]:
    paths = [folder.weights(which) for which in ("best", "last")]
    return [
        Choice(volume.relative(path), volume.relative(path), path.stat().st_size)
        for path in paths
        if path.is_file()
    ]
