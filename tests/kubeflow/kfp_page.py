"""What Kubeflow Pipelines' own page gets to show of a run, through its API."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from typing import Any

from tests.kubeflow import ui_format
from tests.kubeflow.ui_format import View

UI_METADATA = "mlpipeline-ui-metadata"


def views(client: Any, run_id: str) -> dict[str, list[View]]:
    """Give what the page draws for each step, read as its frontend does."""
    manifest = json.loads(client.get_run(run_id).pipeline_runtime.workflow_manifest)
    found = {}
    for node in manifest["status"]["nodes"].values():
        for artifact in node.get("outputs", {}).get("artifacts", []):
            if artifact["name"].endswith(UI_METADATA):
                text = _text(client.runs.read_artifact(run_id, node["id"], artifact["name"]).data)
                found[node["templateName"]] = ui_format.views(text)
    return found


def metrics(client: Any, run_id: str) -> dict[str, float]:
    """Give the metrics that the persistence agent took over and the list of runs shows."""
    return {metric.name: metric.number_value for metric in client.get_run(run_id).run.metrics or []}


def _text(data: str) -> str:
    """Unpack an artifact: the API gives the file in S3, a tarball as Argo puts it there."""
    content = base64.b64decode(data)
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            (member,) = (tar.extractfile(entry) for entry in tar if entry.isfile())
            assert member
            return member.read().decode()
    except tarfile.ReadError:
        return content.decode()
