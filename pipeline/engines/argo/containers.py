"""Reading the container of a template: command, environment, mounts, GPUs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.core.findings import Finding
from pipeline.engines.argo.fields import mistake
from pipeline.engines.argo.plan import Container, Output, Variable

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kMGT]|[KMGT]i|)")

GPU = "nvidia.com/gpu"


def read_container(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> Container:
    """Read the container of a template together with the volumes that it mounts."""
    container = entry["container"]
    command = container.get("command") or []
    if not command:
        findings.append(
            mistake(
                f"{where}.container has no command, and there is no image to take one from.",
                f"{where}.container.command",
            )
        )
    outputs = entry.get("outputs", {})
    for item in [*outputs.get("parameters", []), *outputs.get("artifacts", [])]:
        if not read_output(item.get("valueFrom", item)).path:
            at = f"{where}.outputs[{item['name']}]"
            findings.append(mistake(f"{at} has no path, which a container needs.", at))
    return Container(
        argv=tuple(text_of(item) for item in [*command, *(container.get("args") or [])]),
        variables=tuple(_variable(item) for item in container.get("env", [])),
        mounts=_mounts(entry, where, findings),
        gpus=_gpus(container.get("resources", {}), where, findings),
        timeout_s=_timeout_s(entry, where, findings),
        mem_bytes=_mem_bytes(container.get("resources", {}), where, findings),
    )


def _mounts(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for volume in entry.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            kinds[volume["name"]] = "volume"
        else:
            is_memory = (volume.get("emptyDir") or {}).get("medium") == "Memory"
            kinds[volume["name"]] = "memory" if is_memory else "scratch"
    mounts: dict[str, Any] = {}
    for mount in entry["container"].get("volumeMounts", []):
        at = f"{where}.container.volumeMounts[{mount['name']}]"
        if mount["name"] not in kinds:
            findings.append(mistake(f"{at} names no volume of the template.", at))
        else:
            mounts[mount["mountPath"].rstrip("/")] = kinds[mount["name"]]
    return mounts


def _gpus(resources: Mapping[str, Any], where: str, findings: list[Finding]) -> int:
    limits = resources.get("limits") or {}
    for key in limits:
        if key not in (GPU, "cpu", "memory", "ephemeral-storage"):
            at = f"{where}.container.resources.limits.{key}"
            findings.append(mistake(f"{at}: this machine gives out only {GPU}.", at))
    number = str(limits.get(GPU, 0))
    if not number.isdecimal():
        at = f"{where}.container.resources.limits.{GPU}"
        findings.append(mistake(f"{at} is '{number}', not a whole number.", at))
        return 0
    return int(number)


def _timeout_s(entry: Mapping[str, Any], where: str, findings: list[Finding]) -> float | None:
    seconds = str(entry.get("activeDeadlineSeconds", ""))
    if seconds and not (seconds.isdecimal() and int(seconds)):
        at = f"{where}.activeDeadlineSeconds"
        findings.append(mistake(f"{at} is '{seconds}', not a number of seconds.", at))
        return None
    return float(seconds) if seconds else None


def _mem_bytes(resources: Mapping[str, Any], where: str, findings: list[Finding]) -> int | None:
    text = str((resources.get("limits") or {}).get("memory", ""))
    found = _read_quantity(text) if text else None
    if text and not found:
        at = f"{where}.container.resources.limits.memory"
        findings.append(mistake(f"{at} is '{text}', not an amount such as 16G or 512Mi.", at))
    return found


def _variable(item: Mapping[str, Any]) -> Variable:
    secret = item.get("valueFrom", {}).get("secretKeyRef")
    if secret is not None:
        return Variable(item["name"], is_secret=True, optional=bool(secret.get("optional")))
    return Variable(item["name"], text_of(item.get("value", "")))


def read_output(item: Mapping[str, Any]) -> Output:
    """Read an artifact output, or the ``valueFrom`` of a parameter output."""
    default = item.get("default")
    return Output(
        path=item.get("path", ""),
        source=item.get("parameter", item.get("from", "")),
        json_path=item.get("jsonPath", ""),
        default=None if default is None else text_of(default),
        optional=bool(item.get("optional", False)),
    )


def read_raw(item: Mapping[str, Any]) -> str | None:
    """Read the text of a raw artifact."""
    return text_of(item["raw"]["data"]) if "raw" in item else None


def text_of(value: Any) -> str:
    """Write a yaml scalar as Argo does: unquoted ``true`` is the text ``true``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_quantity(text: str) -> int | None:
    """Read an amount of memory as Kubernetes writes it, such as ``16G`` or ``512Mi``, in bytes."""
    match = _QUANTITY.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]]) if match else None
