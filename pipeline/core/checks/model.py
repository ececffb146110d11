"""Checking a model: its yaml, or its weights, of which nothing is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipeline.core.errors import FileMissing, InputError
from pipeline.core.findings import Finding, error, info, warning
from pipeline.core.model.data import PARTS, check_model_data
from pipeline.core.model.values import short
from pipeline.core.said import said
from pipeline.core.volume.paths import Resolved, Volume
from pipeline.core.weights.check import check_weights
from pipeline.core.yamltext.file import YamlFile, load_yaml

# substring of the head's last module, in the order in which Ultralytics looks
_TASKS = {
    "classif": "classify",
    "detect": "detect",
    "semanticsegment": "semantic",
    "segment": "segment",
    "pose": "pose",
    "obb": "obb",
    "depth": "depth",
}
# What Ultralytics appends to the names of its models, and reads their task from.
_TASK_SUFFIXES = {
    "seg": "segment",
    "pose": "pose",
    "obb": "obb",
    "cls": "classify",
    "sem": "semantic",
    "depth": "depth",
}
_OTHER_TASK = re.compile(
    rf"(?P<stem>.+?)-(?P<task>{'|'.join(_TASK_SUFFIXES)})(?P<rest>(?:[-_.].*)?)", re.IGNORECASE
)
_OFFICIAL = re.compile(r"yolo(v|e-)?\d+[a-z]{0,2}", re.IGNORECASE)


def check_model(
    volume: Volume,
    found: Resolved,
    names: Mapping[Any, str] | None,
    weights_allow: Collection[str],
) -> tuple[list[Finding], str]:
    """Check a model file and give its scale.

    Parameters
    ----------
    found
        From `Volume.resolve`.
    names
        Class names of the data; None when they are not known.
    weights_allow
        What weights may use besides models' classes; see `check_weights`.

    Returns
    -------
    list of Finding, str
        What is wrong, and the scale that is trained (empty for weights).
    """
    path = volume.path(found.path)
    if path.suffix == ".pt":
        return check_weights(path, found.path, weights_allow), ""
    try:
        model = load_yaml(path, shown_as=found.path)
    except (InputError, FileMissing) as reason:
        where = reason.where or found.path
        return [error("bad-file", reason.message, where=where, next=reason.next)], found.scale
    findings = check_model_yaml(model)
    scales = [str(scale) for scale in _mapping(model.data.get("scales"))]
    scale = found.scale or (scales[0] if scales else "")
    if scale and not found.scale:
        listed = ", ".join(scales)
        message = said(
            "'{path}' names no scale; '{scale}', the first of {listed}, is trained.",
            path=found.path,
            scale=scale,
            listed=listed,
        )
        findings.append(info("first-scale", message, where="model"))
    nc = model.data.get("nc")
    if names and isinstance(nc, int) and nc != len(names):
        message = said(
            "the model yaml has nc {nc}, the data {count} classes; training uses the data's.",
            nc=nc,
            count=len(names),
        )
        findings.append(info("model-nc", message, where=model.where("nc")))
    return findings, scale


def check_task_name(name: str) -> list[Finding]:
    """Find a model that its name gives away as one for another task: ``yolov8n-seg.pt``.

    Ultralytics' own names are certain, others are a hint.
    """
    file = PurePosixPath(name).name
    match = _OTHER_TASK.match(file)
    if not match:
        return []
    task = _TASK_SUFFIXES[match["task"].lower()]
    is_official = _OFFICIAL.fullmatch(match["stem"]) is not None
    if is_official:
        message = said(
            "'{file}' is a model for '{task}'; the steps train detectors.", file=file, task=task
        )
        hint = said(
            "Choose {name}, or another detection model.", name=match["stem"] + match["rest"]
        )
        return [error("model-task", message, where="model", next=hint)]
    message = said(
        "'{file}' is named like a model for '{task}'; the steps train detectors.",
        file=file,
        task=task,
    )
    return [
        warning(
            "model-task",
            message,
            where="model",
            next=said("Choose a detection model if it is one."),
        )
    ]


def check_model_yaml(model: YamlFile) -> list[Finding]:
    """Find what Ultralytics must not evaluate, and what makes a model yaml no detector."""
    findings = [
        error(problem.code, problem.message, where=_where(model, problem.keys), next=problem.next)
        for problem in check_model_data(model.data)
    ]
    if not findings:
        findings += _check_fetching(model)
    if "nc" not in model.data:  # training overrules its value, but Ultralytics asks for it first
        hint = said("Write nc: 80; training takes the data's number of classes.")
        message = said("'nc' is missing.")
        findings.append(error("model-classes", message, where=model.name, next=hint))
    head = model.data.get("head")
    if not isinstance(head, list) or any(finding.code == "model-layers" for finding in findings):
        return findings
    last = head[-1][2]
    task = next((task for part, task in _TASKS.items() if part in last.lower()), None)
    if task != "detect":
        what = said("a model for '{task}'", task=task) if task else said("no known task")
        where = model.where("head", len(head) - 1)
        message = said(
            "the head ends in {last}, {what}; the steps train detectors.",
            last=short(last),
            what=what,
        )
        findings.append(
            error("model-task", message, where=where, next=said("Choose a model with Detect."))
        )
    return findings


def _check_fetching(model: YamlFile) -> list[Finding]:
    """Find layers that come with weights from the internet, in a yaml whose rows are sound."""
    return [
        warning(
            "model-fetches",
            said(
                "layer {index} of '{part}' would download weights, which a step does not.",
                index=index,
                part=part,
            ),
            where=_where(model, (part, index)),
            next=said("Write None as its third argument to train it from scratch."),
        )
        for part in PARTS
        for index, (_, _, module, arguments) in enumerate(model.data[part])
        if module == "TorchVision" and arguments[2:3] not in ([None], ["None"])
    ]


def _where(model: YamlFile, keys: tuple[Hashable, ...]) -> str:
    """Give the line of a value, or of the nearest thing around it that has one."""
    while keys and keys not in model.lines:
        keys = keys[:-1]
    return model.where(*keys)


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}
