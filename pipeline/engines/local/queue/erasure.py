"""Taking the values of secrets out of a state file of before they were left out of it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from pipeline.core.addresses import bare, shown
from pipeline.engines.local.control.private import ANY, known, without_secrets

_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_S3_ENDPOINT_URL")


def erase_values(connection: sqlite3.Connection) -> None:
    """Keep of every run's secrets only the names, also in its document and its messages."""
    rows = connection.execute("SELECT id, settings, workflow, message FROM runs").fetchall()
    for run_id, settings, workflow, message in rows:
        stored, values = without_secrets(json.loads(settings))
        said = {name: known(name, value) for name, value in values.items()}
        document = json.loads(workflow)
        optional = dict.fromkeys((ANY, *_bare_variables(document)))
        secrets: dict[str, str | None] = {**optional, **said}
        connection.execute(
            "UPDATE runs SET settings = ?, secrets = ?, workflow = ?, message = ? WHERE id = ?",
            (json.dumps(stored), json.dumps(secrets), json.dumps(document), shown(message), run_id),
        )
    steps = connection.execute("SELECT run, name, message FROM steps").fetchall()
    for run_id, name, message in steps:
        if shown(message) != message:
            connection.execute(
                "UPDATE steps SET message = ? WHERE run = ? AND name = ?",
                (shown(message), run_id, name),
            )


def _bare_variables(document: Any) -> list[str]:
    """Take credentials out of the addresses of a document; give the variables of its Secrets."""
    names = []
    for template in document.get("spec", {}).get("templates", ()):
        for variable in (template.get("container") or {}).get("env", ()):
            if variable["name"] in _ADDRESSES:
                variable["value"] = bare(str(variable.get("value", "")))
            if "secretKeyRef" in variable.get("valueFrom", {}):
                names.append(variable["name"])
    return names
