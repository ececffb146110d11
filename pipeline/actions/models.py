"""Weights that there are, where each came from and how well it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.actions.launching.catalog import list_choices
from pipeline.actions.runs.find import record_of
from pipeline.core.files import read_json
from pipeline.core.volume.paths import Choice
from pipeline.core.volume.run_folder import RUNS, RunFolder

_METRIC = "mAP50-95"


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
    found = [choice for choice in list_choices(here, "model") if choice.path.endswith(".pt")]
    return [_weights(here, choice) for choice in found]


def _weights(here: Installation, choice: Choice) -> Weights:
    path = here.settings.volume / choice.path
    changed_at_s = path.stat().st_mtime
    parts = Path(choice.path).parts
    if parts[0] != RUNS:
        return Weights(choice.name, choice.path, choice.bytes, changed_at_s)
    folder = RunFolder(here.settings.volume / RUNS / parts[1])
    record = record_of(folder)
    test = read_json(folder.test_metrics, {}) if path == folder.weights("best") else {}
    return Weights(
        choice.name,
        choice.path,
        choice.bytes,
        changed_at_s,
        folder.name,
        record.choices.model if record else "",
        record.choices.data if record else "",
        test.get(_METRIC),
        test.get("split", ""),
    )
