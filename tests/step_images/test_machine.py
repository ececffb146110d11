"""Watching a machine, this one; without NVIDIA's library it has no GPUs."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.volume.machine import read_samples
from step_images.train.machine import watched_machine
from tests.waiting import until


def test_samples_are_written_while_the_work_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "train" / "machine.csv"
    with watched_machine(path, interval_s=0.05):
        wait_for_samples(path, 3)
    samples = read_samples(path)
    times = [at_s for at_s, _ in samples["cpu_percent"]]
    assert times == sorted(times)
    assert all(0 <= value <= 100 for _, value in samples["cpu_percent"])
    assert samples["step_ram_mb"][-1][1] > 10


def test_a_resume_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "machine.csv"
    path.write_text("time_s,cpu_percent,ram_mb,step_ram_mb,gpu0_percent,gpu0_mem_mb\n")
    with open(path, "a") as file:
        file.write("100.0,1.0,2,3,4,5\n")
    with watched_machine(path, interval_s=0.05):
        wait_for_samples(path, 2)
    samples = read_samples(path)
    assert samples["cpu_percent"][1][0] >= 100.0
    assert samples["cpu_percent"][0] == (100.0, 1.0)


def wait_for_samples(path: Path, count: int) -> None:
    until(lambda: len(read_samples(path).get("cpu_percent", ())) >= count)
