"""How a run ended, as its folder tells it: written by whoever sees the end, else judged by files.

An engine forgets runs: Kubeflow Pipelines after a while, a state folder that is lost, a volume that
moves. The exit handler has no volume, so the first reader that hears of an end writes
``ended.json``. Where nobody looked in time, what the steps left says it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core.clock import utc_at
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text, write_json
from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.kind import LaunchStep
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.launch.launch import Launch
from pipeline.core.states import State
from pipeline.core.volume.failure import read_failure
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.base import Run, Step

_STOPPED_EXIT_CODE = 143
_log = logging.getLogger(__name__)


class Written(set[tuple[str, str]]):
    """The ends that this process has seen to: run and when it finished."""


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Parameters
    ----------
    state
        `State.UNKNOWN` when nothing on the volume says it.
    started_at, finished_at
        ISO 8601 in UTC, or empty; where nothing says how it ended, when it was last at work.
    message
        Why it ended so; empty when all is well.
    steps
        Those that are known to have run.
    """

    state: State
    started_at: str = ""
    finished_at: str = ""
    message: str = ""
    steps: tuple[Step, ...] = ()

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Ending:
        """Make one of what `dataclasses.asdict` gave."""
        ran = tuple(map(Step.from_dict, document["steps"]))
        return cls(**{**document, "state": State(document["state"]), "steps": ran})


def write_ending(written: Written, run: Run, folder: RunFolder) -> None:
    """Write into its folder how a run ended, once; a retry that ends otherwise is written anew."""
    key = (run.id, run.finished_at)
    is_own = bool(run.uid) and run.state.is_finished
    if not is_own or key in written or not folder.path.is_dir():
        return
    ending = Ending(run.state, run.started_at, run.finished_at, run.message, run.steps)
    try:
        if _read(folder.ended) != ending:
            write_json(folder.ended, asdict(ending))
    except OSError as reason:  # a volume that may only be read: what the steps left has to do
        _log.warning("%s cannot be written: %s", folder.ended, reason.strerror)
    written.add(key)


def ending_of(folder: RunFolder, record: Launch) -> Ending:
    """Give how a run ended whose engine does not know it any more."""
    return _read(folder.ended) or _judged(folder, record)


def _read(path: Path) -> Ending | None:
    """Read what a reader wrote; a file that is damaged says nothing."""
    try:
        return Ending.from_dict(json.loads(read_text(path)))
    except (SlipwayError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _judged(folder: RunFolder, record: Launch) -> Ending:
    kind = kind_of(record.choices)
    off = kind.off(record.choices) | {steps.VOLUME_MOUNT.name}
    wanted = [step for step in kind.steps if step.name not in off]
    found = tuple(step for step in (_step(folder, step) for step in wanted) if step)
    states = [step.state for step in found]
    state, message = State.UNKNOWN, ""
    if State.FAILED in states:
        state, message = State.FAILED, found[states.index(State.FAILED)].message
    elif State.STOPPED in states:
        state = State.STOPPED
    elif states == [State.SUCCEEDED] * len(wanted):
        state = State.SUCCEEDED
    started_at = utc_at(folder.owner.stat().st_mtime) if folder.owner.is_file() else ""
    last = max((step.finished_at for step in found), default=started_at)
    return Ending(state, started_at, last, message, found)


def _step(folder: RunFolder, step: LaunchStep) -> Step | None:
    """Give how a step ended, unknown where nothing says it; None when it never began."""
    failure, log = folder.failure(step.name), folder.log(step.name)
    made = folder.step(step.name) / step.made
    if failure.is_file():
        return _failed(step.name, failure)
    if made.is_file() and (step.name != steps.TUNE.name or _is_searched(made)):
        return Step(step.name, State.SUCCEEDED, finished_at=utc_at(made.stat().st_mtime))
    if log.is_file():
        return Step(step.name, State.UNKNOWN, finished_at=utc_at(log.stat().st_mtime))
    return None


def _failed(name: str, path: Path) -> Step:
    at = utc_at(path.stat().st_mtime)
    failure = read_failure(path)
    if failure and failure.exit_code == _STOPPED_EXIT_CODE:
        return Step(name, State.STOPPED, finished_at=at)
    return Step(name, State.FAILED, finished_at=at, message=failure.words if failure else "")


def _is_searched(path: Path) -> bool:
    """Say whether a search came to its end; its file is written after each trial."""
    document = _document(path)
    trials, asked = document.get("trials"), document.get("trials_asked")
    return isinstance(trials, list) and isinstance(asked, int) and len(trials) >= asked


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_text(path))
    except (SlipwayError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
