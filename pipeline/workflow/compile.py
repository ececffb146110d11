"""From a launch to the Argo ``Workflow`` document that engines run."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import yaml
from kfp.compiler import Compiler

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.registry import kind_of
from pipeline.core.launch.launch import Launch
from pipeline.core.launch.parameters import parameters_of
from pipeline.core.settings import Settings
from pipeline.workflow.pipeline import pipeline_of

_COMPILED_AT = "pipelines.kubeflow.org/pipeline_compilation_time"
_SPEC = "pipelines.kubeflow.org/pipeline_spec"
_IMAGE_GID = 1000
_READABLE = 0o644
_compiling = threading.Lock()


def compile_workflow(settings: Settings, launch: Launch | None = None) -> dict[str, Any]:
    """Compile the pipeline; the same arguments give the same document.

    Parameters
    ----------
    settings
        Images, the volume claim, tracking, the name of the Secret.
    launch
        Its choices become the defaults of the pipeline's parameters; without one the document is
        the generic pipeline, which a person can upload into the KFP UI.

    Returns
    -------
    dict
        An Argo ``Workflow`` (argoproj.io/v1alpha1) as kfp 1.8 writes it.
    """
    choices = launch.choices if launch else Choices()
    with _compiling, tempfile.TemporaryDirectory() as folder:  # kfp keeps its pipeline in a global
        path = Path(folder) / "workflow.yaml"
        Compiler().compile(pipeline_of(kind_of(choices), settings, choices), str(path))
        workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    annotations = workflow["metadata"]["annotations"]
    del annotations[_COMPILED_AT]  # the preview and the submission are the same bytes
    # A new block volume belongs to root; this lets the images' user write on it. Only a new one:
    # going through 100,000 images anew takes minutes at the start of every pod.
    workflow["spec"]["securityContext"] = {
        "fsGroup": _IMAGE_GID,
        "fsGroupChangePolicy": "OnRootMismatch",
    }
    _store_plain(workflow["spec"]["templates"])
    if launch:
        values = parameters_of(launch)
        for parameter in workflow["spec"]["arguments"]["parameters"]:
            parameter["value"] = values[parameter["name"]]
        spec = json.loads(annotations[_SPEC])
        for entry in spec["inputs"]:
            entry["default"] = values[entry["name"]]
        annotations[_SPEC] = json.dumps(spec, ensure_ascii=False)
    return workflow


def _store_plain(templates: list[dict[str, Any]]) -> None:
    """Keep what one step hands to another out of tarballs, readable by the step's own user.

    They are JSON of some kilobytes, and Argo's executor need not have ``tar`` to unpack them. What
    comes without one belongs to the executor's user alone unless a mode is given.
    """
    handed = [
        artifact
        for template in templates
        for artifact in template.get("inputs", {}).get("artifacts", [])
    ]
    for artifact in handed:
        artifact["mode"] = _READABLE
    names = {artifact["name"] for artifact in handed}
    for template in templates:
        for artifact in template.get("outputs", {}).get("artifacts", []):
            if artifact["name"] in names:
                artifact["archive"] = {"none": {}}
                _rename(template["container"], artifact)


def _rename(container: dict[str, Any], artifact: dict[str, Any]) -> None:
    """Name a file after its output: it is stored by its name, and kfp calls each ``data``."""
    before = artifact["path"]
    artifact["path"] = f"{before.rpartition('/')[0]}/{artifact['name']}.json"
    container["args"] = [artifact["path"] if arg == before else arg for arg in container["args"]]
