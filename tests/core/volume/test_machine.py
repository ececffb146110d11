from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.volume.machine import columns, mlflow_name, read_samples


def test_what_was_measured_is_read_by_column_and_torn_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "machine.csv"
    path.write_text(
        "time_s,cpu_percent,ram_mb,step_ram_mb,gpu0_percent,gpu0_mem_mb\n"
        "5.0,40.5,8000,900,97,11000\n"
        "10.0,41.0,80\n"  # a crash, and the next start
        "15.0,42.0,8100,950,,\n"  # the GPU did not tell
        "20.0,43.0,81"
    )
    assert read_samples(path) == {
        "cpu_percent": [(5.0, 40.5), (15.0, 42.0)],
        "ram_mb": [(5.0, 8000.0), (15.0, 8100.0)],
        "step_ram_mb": [(5.0, 900.0), (15.0, 950.0)],
        "gpu0_percent": [(5.0, 97.0)],
        "gpu0_mem_mb": [(5.0, 11000.0)],
    }
    assert read_samples(tmp_path / "none.csv") == {}


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("cpu_percent", "system/cpu_utilization_percentage"),
        ("ram_mb", "system/system_memory_usage_megabytes"),
        ("gpu1_percent", "system/gpu_1_utilization_percentage"),
        ("gpu0_mem_mb", "system/gpu_0_memory_usage_megabytes"),
    ],
)
def test_mlflow_has_its_own_names(column: str, name: str) -> None:
    assert column in columns(gpus=2)
    assert mlflow_name(column) == name
