"""Reading the container of a template: command, environment, mounts, GPUs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.findings import Finding
from pipeline.engines.argo.fields import mistake
from pipeline.engines.argo.plan import Container, Output, Variable

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kMGT]|[KMGT]i|)")

GPU = "nvidia.com/gpu"


def check_container(entry: Mapping[str, Any], where: str) -> Iterator[Finding]:
    """Name what stands against the container of a template and the volumes that it mounts."""
    container = entry["container"]
    if not container.get("command"):
        at = f"{where}.container.command"
        message = f"{where}.container has no command, and there is no image to take one from."
        yield mistake(message, at)
    outputs = entry.get("outputs", {})
    for item in [*outputs.get("parameters", []), *outputs.get("artifacts", [])]:
        if not read_output(item.get("valueFrom", item)).path:
            at = f"{where}.outputs[{item['name']}]"
            yield mistake(f"{at} has no path, which a container needs.", at)
    volumes = _volumes(entry)
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            at = f"{where}.container.volumeMounts[{mount['name']}]"
            yield mistake(f"{at} names no volume of the template.", at)
    yield from _check_limits(_limits(container), f"{where}.container.resources.limits")
    seconds = str(entry.get("activeDeadlineSeconds", ""))
    if seconds and not (seconds.isdecimal() and int(seconds)):
        at = f"{where}.activeDeadlineSeconds"
        yield mistake(f"{at} is '{seconds}', not a number of seconds.", at)


def _check_limits(limits: Mapping[str, Any], where: str) -> Iterator[Finding]:
    for key in limits:
        if key not in (GPU, "cpu", "memory", "ephemeral-storage"):
            at = f"{where}.{key}"
            yield mistake(f"{at}: this machine gives out only {GPU}.", at)
    number, memory = str(limits.get(GPU, 0)), str(limits.get("memory", ""))
    if not number.isdecimal():
        at = f"{where}.{GPU}"
        yield mistake(f"{at} is '{number}', not a whole number.", at)
    if memory and not _read_quantity(memory):
        at = f"{where}.memory"
        yield mistake(f"{at} is '{memory}', not an amount such as 16G or 512Mi.", at)


def read_container(entry: Mapping[str, Any]) -> Container:
    """Read the container of a template, against which nothing stands, and what it mounts."""
    container, volumes = entry["container"], _volumes(entry)
    limits, seconds = _limits(container), entry.get("activeDeadlineSeconds")
    return Container(
        argv=tuple(map(text_of, [*container["command"], *(container.get("args") or [])])),
        variables=tuple(_variable(item) for item in container.get("env", [])),
        mounts={
            mount["mountPath"].rstrip("/"): volumes[mount["name"]]
            for mount in container.get("volumeMounts", [])
        },
        gpus=int(limits.get(GPU, 0)),
        timeout_s=float(seconds) if seconds else None,
        mem_bytes=_read_quantity(str(limits.get("memory", ""))),
    )


def _volumes(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands for each volume of a template on this machine."""
    kinds: dict[str, Any] = {}
    for volume in entry.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            kinds[volume["name"]] = "volume"
        else:
            is_memory = (volume.get("emptyDir") or {}).get("medium") == "Memory"
            kinds[volume["name"]] = "memory" if is_memory else "scratch"
    return kinds


def _limits(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return container.get("resources", {}).get("limits") or {}


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
