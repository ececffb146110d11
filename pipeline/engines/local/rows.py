"""Runs and steps as the store has them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.states import State


@dataclass(frozen=True)
class RunRow:
    """One run as stored; `settings` are environment variables of its steps."""

    seq: int
    id: str
    uid: str
    launch: str
    state: State
    message: str
    created_at: str
    started_at: str
    finished_at: str
    position: int
    stop_at: str
    is_deleted: bool
    parameters: Mapping[str, str]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class StepRow:
    """One step as stored; `outputs` has the keys ``parameters`` and ``artifacts``."""

    run: str
    name: str
    state: State
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    attempt: int = 0
    devices: Sequence[str] = ()
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_run(row: sqlite3.Row) -> RunRow:
    """Read a row of the table ``runs``."""
    values = dict(row)
    return RunRow(
        **{
            **values,
            "launch": values["launch"] or "",
            "state": State(values["state"]),
            "is_deleted": bool(values["is_deleted"]),
            "parameters": json.loads(values["parameters"]),
            "settings": json.loads(values["settings"]),
        }
    )


def read_step(row: sqlite3.Row) -> StepRow:
    """Read a row of the table ``steps``."""
    values = dict(row)
    return StepRow(
        **{
            **values,
            "state": State(values["state"]),
            "devices": tuple(json.loads(values["devices"])),
            "outputs": json.loads(values["outputs"]),
        }
    )
