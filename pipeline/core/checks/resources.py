"""Checking what a launch asks of the machine: disk, shared memory, GPUs."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Mapping
from typing import Any

from pipeline.core.findings import Finding, error, warning
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.placement import NodeCapacity, check_placement, check_selection
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

__all__ = [
    "DISK_CODES",
    "NodeCapacity",
    "check_disk",
    "check_image_cache",
    "check_placement",
    "check_resources",
    "check_sizes",
    "quantity_bytes",
]

_UNITS = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P"), 1)},
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), 1)},
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(" + "|".join(_UNITS) + ")")
_LEAST_FREE_BYTES = 100 << 20
_GOOD_FREE_BYTES = 2 << 30
DISK_CODES = ("disk-full", "disk-low")
_USUAL_SHAPE = 3 / 4  # of an image within a square: that of most cameras
_PREFETCH = 4  # batches that each of Ultralytics' loader processes holds ready


def quantity_bytes(text: str) -> int | None:
    """Give a Kubernetes quantity such as ``1Gi`` in bytes; None when it is not one."""
    match = _QUANTITY.fullmatch(text)
    return int(float(match[1]) * _UNITS[match[2]]) if match else None


def check_sizes(choices: Choices) -> list[Finding]:
    """Find what no machine could be asked for."""
    return [*_check_numbers(choices), *_check_shm_size(choices), *check_selection(choices)]


def check_resources(
    volume: Volume, choices: Choices, cfg: Mapping[str, Any] | None, gpus: int | None
) -> list[Finding]:
    """Find what the launch asks for and the machine cannot give.

    Parameters
    ----------
    cfg
        The effective cfg; None when it could not be read.
    gpus
        How many GPUs there are; None when that is not known.
    """
    return [
        *check_sizes(choices),
        *_check_gpus(choices, gpus),
        *_check_shm_share(choices),
        *_check_shm(choices, cfg or {}),
        *check_disk(volume),
    ]


def check_image_cache(choices: Choices, cfg: Mapping[str, Any], images: int) -> list[Finding]:
    """Find images that ``cache: ram`` would hold and the memory limit has no room for.

    Ultralytics asks the machine how much is free (`BaseDataset.check_cache_ram`), which in a pod
    is the node's: the step would be killed.

    Parameters
    ----------
    cfg
        The effective cfg, checked.
    images
        How many are loaded, of train and val together.
    """
    imgsz = max(cfg["imgsz"]) if isinstance(cfg["imgsz"], list) else cfg["imgsz"]
    need = images * imgsz**2 * 3 * _USUAL_SHAPE
    if cfg["cache"] not in (True, "ram") or not 0 < choices.mem_gb * 1000**3 < need:
        return []
    need_gb = need / 1000**3
    return [
        warning(
            "cache-over-memory",
            said(
                "cache: ram holds about {need_gb:,.1f} GB ({images:,} images of {imgsz} px), "
                "and a step may hold {mem_gb} GB.",
                need_gb=need_gb,
                images=images,
                imgsz=imgsz,
                mem_gb=choices.mem_gb,
            ),
            where="mem_gb",
            next=said(
                "Ask for {need_gb} GB, or set cache to disk.",
                need_gb=math.ceil(need_gb) + choices.mem_gb,
            ),
        )
    ]


def check_disk(volume: Volume, needed_bytes: int = 0, runs: int = 1) -> list[Finding]:
    """Find out whether the volume can be written and has the space left that a run needs.

    Parameters
    ----------
    needed_bytes
        What the run is likely to leave there; 0 when that is not known.
    runs
        How many runs that is for, together.
    """
    try:
        free = shutil.disk_usage(volume.root).free
    except OSError as reason:
        message: str = said("the volume cannot be read: {reason}.", reason=reason.strerror)
        return [
            error("volume", message, where=str(volume.root), next=said("Check SLIPWAY_VOLUME."))
        ]
    if not os.access(volume.root, os.W_OK | os.X_OK):
        message = said("the volume cannot be written, and runs keep their results on it.")
        next_step = said("Mount it for writing, or set SLIPWAY_VOLUME to another folder.")
        return [error("volume-read-only", message, where=str(volume.root), next=next_step)]
    message = _space_left(free, needed_bytes, runs)
    if free < _LEAST_FREE_BYTES + needed_bytes:
        return [error(DISK_CODES[0], message, next=said("Delete old runs."))]
    if free < _GOOD_FREE_BYTES + needed_bytes:
        return [
            warning(DISK_CODES[1], message, next=said("Delete old runs before the disk is full."))
        ]
    return []


def _space_left(free: int, needed_bytes: int, runs: int) -> str:
    left, needed_mb = free / 2**30, max(1, round(needed_bytes / 1e6))
    if not needed_bytes:
        return said("the volume has {left:.2f} GiB left.", left=left)
    if runs == 1:
        return said(
            "the volume has {left:.2f} GiB left, and the run is likely to need {needed_mb:,} MB.",
            left=left,
            needed_mb=needed_mb,
        )
    return said(
        "the volume has {left:.2f} GiB left, and {runs} runs are likely to need {needed_mb:,} MB.",
        left=left,
        runs=runs,
        needed_mb=needed_mb,
    )


def _check_numbers(choices: Choices) -> list[Finding]:
    numbers = {"gpus": choices.gpus, "cpus": choices.cpus, "mem_gb": choices.mem_gb}
    return [
        error(
            "resources",
            said("'{name}' is {value}; allowed is 0 or more.", name=name, value=value),
            where=name,
        )
        for name, value in numbers.items()
        if value < 0
    ]


def _check_gpus(choices: Choices, gpus: int | None) -> list[Finding]:
    if gpus is None or choices.gpus <= gpus:
        return []
    return [
        error(
            "gpu-missing",
            said("{asked} GPUs are asked for, 1 is there.", asked=choices.gpus)
            if gpus == 1
            else said(
                "{asked} GPUs are asked for, {there} are there.", asked=choices.gpus, there=gpus
            ),
            where="gpus",
            next=said("Ask for {count}.", count=gpus)
            if gpus
            else said("Ask for 0; training then uses the CPU."),
        )
    ]


def _check_shm_size(choices: Choices) -> list[Finding]:
    if quantity_bytes(choices.shm_size):
        return []
    return [
        error(
            "shm-size",
            said("'{shm_size}' is not a size of /dev/shm.", shm_size=choices.shm_size),
            where="shm_size",
            next=said("Write a Kubernetes quantity, such as 1Gi or 512Mi."),
        )
    ]


def _check_shm_share(choices: Choices) -> list[Finding]:
    """Find shared memory that leaves nothing: what is in /dev/shm counts against the limit."""
    size, limit = quantity_bytes(choices.shm_size), choices.mem_gb * 1000**3
    if not size or not limit or size < limit:
        return []
    return [
        warning(
            "shm-over-memory",
            said(
                "/dev/shm of {shm_size} counts against the memory limit, {mem_gb} GB.",
                shm_size=choices.shm_size,
                mem_gb=choices.mem_gb,
            ),
            where="mem_gb",
            next=said(
                "Ask for {gb} GB, or for less shared memory.",
                gb=-(-size // 1000**3) + choices.mem_gb,
            ),
        )
    ]


def _check_shm(choices: Choices, cfg: Mapping[str, Any]) -> list[Finding]:
    size = quantity_bytes(choices.shm_size)
    batch, imgsz, workers = (cfg.get(key) for key in ("batch", "imgsz", "workers"))
    if isinstance(imgsz, list) and imgsz:
        imgsz = imgsz[0]
    if not size or not all(isinstance(v, int) and v > 0 for v in (batch, imgsz, workers)):
        return []
    assert isinstance(batch, int) and isinstance(imgsz, int) and isinstance(workers, int)
    need = batch * 3 * imgsz**2 * workers * _PREFETCH
    if need <= size:
        return []
    return [
        warning(
            "shm-small",
            said(
                "batch {batch} of {imgsz} px with {workers} workers may fill {need:.1f} GiB of "
                "/dev/shm; it has {shm_size}.",
                batch=batch,
                imgsz=imgsz,
                workers=workers,
                need=need / 2**30,
                shm_size=choices.shm_size,
            ),
            where="shm_size",
            next=said("Ask for {gib}Gi, or use fewer workers.", gib=-(-need // 2**30)),
        )
    ]
