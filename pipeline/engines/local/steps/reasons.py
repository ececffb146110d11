"""Saying in a sentence why a step failed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, folder_of_run
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.local.queue.rows import RunRow, StepRow
from pipeline.engines.local.steps.processes import Exit, Limits

RETRY = "Retry the run to go on from here."
_LESS_MEMORY = {
    "test": "Retry the run when the machine has memory to spare.",
    "tune": "Clone the run with a smaller batch, fewer workers, or fewer trials at a time.",
}
_LESS = "Clone the run with a smaller batch, fewer workers, or cache=False."
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
    said = failure or _last_line(log).removeprefix(f"{step.name} failed: ")
    if end.code > 128 and not failure:
        reason = f"it was ended by {_signal_name(end.code - 128)} from outside"
        return f"{reason}; its last line: {said}" if said else f"{reason}. {RETRY}"
    return said or f"it ended with exit code {end.code} and printed nothing"


def _limit_reached(run: RunRow, step: StepRow, end: Exit, limits: Limits) -> str:
    if end.limit == "timeout":
        return (
            f"it ran longer than its limit of {limits.timeout_s:g} s. Retry the run to go on from"
            " here for as long again, or raise the limit (SLIPWAY_STEP_TIMEOUT_S, or the"
            " workflow's own) and clone it."
        )
    taken = f"it took more memory than its limit of {(limits.mem_bytes or 0) / 1e9:g} GB"
    less = _LESS_MEMORY.get(step.name, _LESS)
    return f"{taken}{_tried(run, step)}. {less} Or raise the limit (--mem-gb)."


def _out_of_memory(run: RunRow, step: StepRow, end: Exit) -> str:
    tried, less = _tried(run, step), _LESS_MEMORY.get(step.name, _LESS)
    if end.is_own:
        return f"the machine ran out of memory (RAM){tried}. {less}"
    return (
        "it was ended by SIGKILL, and while it ran the machine ended processes for want of memory:"
        f" probably it ran out of memory (RAM){tried}. {less}"
    )


def _tried(run: RunRow, step: StepRow) -> str:
    """Name the settings that a step's memory depends on, as they were tried."""
    try:
        folder = folder_of_run(volume_of(run), run.parameters.get("launch", ""), run.uid)
        tried = _settings_tried(folder, step.name)
        known = [f"{key}={tried[key]}" for key in _TAKES_MEMORY if key in tried]
    except (OSError, ValueError, LookupError, TypeError, SlipwayError):
        return ""  # it had not come as far as that
    return f" with {', '.join(known)}" if known else ""


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
    """Read the failure of this attempt; one that an earlier attempt left is older than it."""
    try:
        folder = folder_of_run(volume_of(run), run.parameters.get("launch", ""), run.uid)
        path = folder.failure(step.name)
        started = datetime.fromisoformat(step.started_at).timestamp()
        if path.stat().st_mtime < started - 1:
            return ""
        document = json.loads(path.read_text(encoding="utf-8"))
        parts = [str(document.get(key) or "").strip() for key in ("error", "next")]
        return " ".join(part for part in parts if part)
    except (OSError, ValueError, AttributeError, SlipwayError):
        return ""  # a step that could not write its failure still printed a last line


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
