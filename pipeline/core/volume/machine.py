"""What a machine was doing while a step worked: ``machine.csv`` in the step's folder.

One line a sample: seconds since the step's first start, then the columns that `columns` names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.files import read_text

TIME = "time_s"
CPU, RAM, STEP_RAM = "cpu_percent", "ram_mb", "step_ram_mb"
_GPU = re.compile(r"gpu(\d+)_(percent|mem_mb)")


def columns(gpus: int) -> list[str]:
    """Name the columns of a machine with so many GPUs; megabytes are 10⁶ bytes."""
    of_gpus = [name for number in range(gpus) for name in gpu_columns(number)]
    return [TIME, CPU, RAM, STEP_RAM, *of_gpus]


def gpu_columns(number: int) -> tuple[str, str]:
    """Name the columns of one GPU: how busy it is, and its memory in use."""
    return f"gpu{number}_percent", f"gpu{number}_mem_mb"


def read_samples(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read (seconds, value) of every column; a line that is being written is left out.

    Without a file there is nothing.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for row in _rows(path):
        time_s = float(row[TIME])
        for name, value in row.items():
            if name != TIME and value:
                found.setdefault(name, []).append((time_s, float(value)))
    return found


def mlflow_name(column: str) -> str:
    """Give the name under which MLflow's own system metrics have a column.

    >>> mlflow_name("cpu_percent"), mlflow_name("gpu0_mem_mb")
    ('system/cpu_utilization_percentage', 'system/gpu_0_memory_usage_megabytes')
    """
    match = _GPU.fullmatch(column)
    if match:
        what = {"percent": "utilization_percentage", "mem_mb": "memory_usage_megabytes"}
        return f"system/gpu_{match[1]}_{what[match[2]]}"
    known = {
        CPU: "cpu_utilization_percentage",
        RAM: "system_memory_usage_megabytes",
        STEP_RAM: "step_memory_usage_megabytes",
    }
    return f"system/{known.get(column, column)}"


def _rows(path: Path) -> list[Mapping[str, str]]:
    if not path.is_file():
        return []
    text = read_text(path)
    whole = text[: text.rfind("\n") + 1].splitlines()
    rows = csv.DictReader(whole)
    # A crash may have torn a line, and the next start has gone on behind it.
    return [row for row in rows if None not in row and None not in row.values()]
