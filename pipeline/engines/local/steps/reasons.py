"""Saying in a sentence why a step failed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.said import said, sentences
from pipeline.core.volume.failure import words_of_attempt
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, folder_of_run
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.local.queue.rows import RunRow, StepRow
from pipeline.engines.local.steps.processes import Exit, Limits

RETRY = said("Retry the run to go on from here.")
_LESS_MEMORY = {
    "test": said("Retry the run when the machine has memory to spare."),
    "tune": said("Clone the run with a smaller batch, fewer workers, or fewer trials at a time."),
}
_LESS = said("Clone the run with a smaller batch, fewer workers, or cache=False.")
TAIL_BYTES = 8192
MAX_LINE = 500
_TAKES_MEMORY = ("batch", "imgsz", "workers", "cache")


def volume_of(run: RunRow) -> Volume:
    """Give the volume that a run was submitted with."""
    roots = run.settings.get("SLIPWAY_DATA_ROOTS", "")
    return Volume(
        Path(run.settings["SLIPWAY_VOLUME"]),
        tuple(Path(root) for root in roots.split(os.pathsep) if root),
    )


def why_failed(run: RunRow, step: StepRow, end: Exit, log: Path, limits: Limits) -> str:
    """Give the step's own words: its failure.json, else the last line that it printed.

    What ended it from outside comes first: a limit, the kernel, a signal.
    """
    if end.message:
        return end.message
    if end.limit:
        return _limit_reached(run, step, end, limits)
    if end.is_out_of_memory and end.code == 128 + signal.SIGKILL:
        return _out_of_memory(run, step, end)
    failure = _failure(run, step)
    words = failure or _last_line(log).removeprefix(f"{step.name} failed: ")
    if end.code > 128 and not failure:
        name = _signal_name(end.code - 128)
        if words:
            return said(
                "it was ended by {signal} from outside; its last line: {line}",
                signal=name,
                line=words,
            )
        return sentences(said("it was ended by {signal} from outside.", signal=name), RETRY)
    return words or said("it ended with exit code {code} and printed nothing", code=end.code)


def _limit_reached(run: RunRow, step: StepRow, end: Exit, limits: Limits) -> str:
    if end.limit == "timeout":
        return said(
            "it ran longer than its limit of {limit:g} s. Retry the run to go on from"
            " here for as long again, or raise the limit (SLIPWAY_STEP_TIMEOUT_S, or the"
            " workflow's own) and clone it.",
            limit=limits.timeout_s,
        )
    taken = said(
        "it took more memory than its limit of {limit:g} GB{tried}.",
        limit=(limits.mem_bytes or 0) / 1e9,
        tried=_tried(run, step),
    )
    less = _LESS_MEMORY.get(step.name, _LESS)
    return sentences(taken, less, said("Or raise the limit (--mem-gb)."))


def _out_of_memory(run: RunRow, step: StepRow, end: Exit) -> str:
    tried, less = _tried(run, step), _LESS_MEMORY.get(step.name, _LESS)
    if end.is_own:
        return sentences(said("the machine ran out of memory (RAM){tried}.", tried=tried), less)
    killed = said(
        "it was ended by SIGKILL, and while it ran the machine ended processes for want of memory:"
        " probably it ran out of memory (RAM){tried}.",
        tried=tried,
    )
    return sentences(killed, less)


def _tried(run: RunRow, step: StepRow) -> str:
    """Name the settings that a step's memory depends on, as they were tried."""
    try:
        folder = folder_of_run(volume_of(run), run.parameters.get("launch", ""), run.uid)
        tried = _settings_tried(folder, step.name)
        known = [f"{key}={tried[key]}" for key in _TAKES_MEMORY if key in tried]
    except (OSError, ValueError, LookupError, TypeError, SlipwayError):
        return ""  # it had not come as far as that
    return said(" with {settings}", settings=", ".join(known)) if known else ""


def _settings_tried(folder: RunFolder, step: str) -> Mapping[str, Any]:
    """Read what the step wrote down before it took the memory; of trials the newest counts."""
    if step == "train":
        return dict(json.loads(read_text(folder.attempts))[-1])
    if step == "test":
        return dict(json.loads(read_text(folder.test_attempt)))
    if step == "tune":
        newest = max(
            folder.trial_folders.glob("*/args.yaml"), key=lambda path: path.stat().st_mtime
        )
        return load_yaml(newest).data
    return {}


def _failure(run: RunRow, step: StepRow) -> str:
    try:
        folder = folder_of_run(volume_of(run), run.parameters.get("launch", ""), run.uid)
    except (OSError, SlipwayError):
        return ""
    return words_of_attempt(folder.failure(step.name), step.started_at)


def _last_line(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return next((line.strip()[:MAX_LINE] for line in reversed(lines) if line.strip()), "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
