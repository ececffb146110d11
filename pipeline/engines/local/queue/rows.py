"""Runs and steps as the store has them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.said import recalled
from pipeline.core.states import State


@dataclass(frozen=True)
class RunRow:
    """One run as stored.

    `settings` are environment variables of its steps; of `secrets` only the names are stored, see
    `pipeline.engines.local.control.private`.
    """

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
    priority: int
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    secrets: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRow:
    """One step as stored; `is_stopping` where a stop ends it, or kept it from beginning."""

    run: str
    name: str
    state: State
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    attempt: int = 0
    devices: Sequence[str] = ()
    outputs_json: str = "{}"
    is_stopping: bool = False

    @property
    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """What later steps take, under ``parameters`` and ``artifacts``; lists do not ask."""
        found: Mapping[str, Mapping[str, str]] = json.loads(self.outputs_json)
        return found


def read_run(row: sqlite3.Row) -> RunRow:
    """Read a row of the table ``runs``."""
    values = dict(row)
    said = values.pop("said")
    return RunRow(
        **{
            **values,
            "launch": values["launch"] or "",
            "state": State(values["state"]),
            "message": _message(values["message"], said),
            "is_deleted": bool(values["is_deleted"]),
            "parameters": json.loads(values["parameters"]),
            "settings": json.loads(values["settings"]),
            "secrets": json.loads(values["secrets"]),
        }
    )


def read_step(row: sqlite3.Row) -> StepRow:
    """Read a row of the table ``steps``."""
    run, name, state, message, started_at, finished_at, attempt, devices, outputs, *last = row
    stopping, said = last
    held = tuple(json.loads(devices)) if devices != "[]" else ()
    return StepRow(
        run=run,
        name=name,
        state=State(state),
        message=_message(message, said),
        started_at=started_at,
        finished_at=finished_at,
        attempt=attempt,
        devices=held,
        outputs_json=outputs,
        is_stopping=bool(stopping),
    )


def _message(text: str, said: str | None) -> str:
    return recalled(text, json.loads(said)) if said else text
