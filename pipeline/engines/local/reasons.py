"""Saying in a sentence why a step failed."""

from __future__ import annotations

import json
import os
import signal
from datetime import datetime
from pathlib import Path

from pipeline.core.errors import SlipwayError
from pipeline.core.run_folder import folder_of_run
from pipeline.core.volume import Volume
from pipeline.engines.local.processes import Exit
from pipeline.engines.local.rows import RunRow, StepRow

TAIL_BYTES = 8192
MAX_LINE = 500


def volume_of(run: RunRow) -> Volume:
    """Give the volume that a run was submitted with."""
    roots = run.settings.get("SLIPWAY_DATA_ROOTS", "")
    return Volume(
        Path(run.settings["SLIPWAY_VOLUME"]),
        tuple(Path(root) for root in roots.split(os.pathsep) if root),
    )


def why_failed(run: RunRow, step: StepRow, end: Exit, log: Path) -> str:
    """Give the step's own words: its failure.json, else the last line that it printed."""
    if end.message:
        return end.message
    failure = _failure(run, step)
    said = failure or _last_line(log).removeprefix(f"{step.name} failed: ")
    if end.code > 128 and not failure:
        reason = f"it was ended by {_signal_name(end.code - 128)}{_hint(end.code)}"
        return f"{reason}; its last line: {said}" if said else reason
    return said or f"it ended with exit code {end.code} and printed nothing"


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


def _hint(code: int) -> str:
    return " (the machine may have run out of memory)" if code == 128 + signal.SIGKILL else ""
