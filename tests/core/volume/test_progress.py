from pathlib import Path

import pytest

from pipeline.core.volume.progress import Progress, training_progress
from pipeline.core.volume.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path)
    found.results.parent.mkdir()
    (found.results.parent / "args.yaml").write_text("epochs: 10\n")
    return found


def write_times(folder: RunFolder, *times: float, end: str = "\n") -> None:
    lines = [f"{epoch},{time}" for epoch, time in enumerate(times, start=1)]
    folder.results.write_text("epoch,time\n" + "\n".join(lines) + end)


def test_a_training_that_has_not_begun_has_no_progress(tmp_path: Path) -> None:
    assert training_progress(RunFolder(tmp_path)) is None


def test_before_the_first_epoch_nothing_is_foretold(folder: RunFolder) -> None:
    assert training_progress(folder) == Progress(0, 10, None)


def test_what_is_left_follows_the_pace_so_far(folder: RunFolder) -> None:
    write_times(folder, 6.0, 12.0, 18.0)
    assert training_progress(folder) == Progress(3, 10, 42.0)


def test_only_the_latest_epochs_set_the_pace(folder: RunFolder) -> None:
    (folder.results.parent / "args.yaml").write_text("epochs: 12\n")
    write_times(folder, 100.0, *(100.0 + 2.0 * epoch for epoch in range(1, 11)))
    assert training_progress(folder) == Progress(11, 12, 2.0)


def test_the_clock_of_a_resume_starts_again(folder: RunFolder) -> None:
    write_times(folder, 5.0, 10.0, 5.0)
    assert training_progress(folder) == Progress(3, 10, 35.0)


def test_a_line_that_is_being_written_is_left_for_the_next_time(folder: RunFolder) -> None:
    write_times(folder, 5.0, 10.0, end="")
    assert training_progress(folder) == Progress(1, 10, 45.0)
