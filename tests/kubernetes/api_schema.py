"""Objects against the Kubernetes API, as its Python client describes it."""

from __future__ import annotations

import re
from typing import Any

from kubernetes.client import models

_PRIMITIVES = {"str": str, "int": int, "bool": bool, "float": (int, float), "datetime": str}


def mistakes(document: dict[str, Any]) -> list[str]:
    """Find unknown fields, missing ones, and values of another type.

    The client itself drops unknown fields and turns values into text without a word.
    """
    return _mistakes(document, f"V1{document['kind']}", document["kind"])


def _mistakes(value: Any, kind: str, where: str) -> list[str]:
    if kind == "object":
        return []
    if kind in _PRIMITIVES:
        wrong = not isinstance(value, _PRIMITIVES[kind]) or (kind != "bool" and value is True)
        return [f"{where}: {value!r} is not {kind}"] if wrong else []
    if found := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is not a list"]
        parts = [(entry, f"{where}[{number}]") for number, entry in enumerate(value)]
        return [line for part, at in parts for line in _mistakes(part, found[1], at)]
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is not {kind}"]
    if found := re.fullmatch(r"dict\(str, (.+)\)", kind):
        return [
            x for key, part in value.items() for x in _mistakes(part, found[1], f"{where}.{key}")
        ]
    return _model_mistakes(value, getattr(models, kind), where)


def _model_mistakes(value: dict[str, Any], model: Any, where: str) -> list[str]:
    attributes = {json: name for name, json in model.attribute_map.items()}
    lines = [f"{where}: no field '{key}'" for key in value if key not in attributes]
    known = {attributes[key]: part for key, part in value.items() if key in attributes}
    try:
        model(**known)
    except ValueError as reason:  # a required one is missing, or a word is not one of those allowed
        lines.append(f"{where}: {reason}")
    for name, part in known.items():
        at = f"{where}.{model.attribute_map[name]}"
        lines += _mistakes(part, model.openapi_types[name], at)
    return lines
