"""What can be chosen for a launch, in the order in which it is offered."""

from __future__ import annotations

from pipeline.actions.installation import Installation
from pipeline.actions.models import weights_of_runs
from pipeline.core.volume.paths import Choice, Kind

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
    if kind == "model":
        found += [Choice(one.path, one.path, one.bytes) for one in weights_of_runs(here)]
    return found
