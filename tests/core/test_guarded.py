from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.core.guarded import start_guarded, stop_guarded


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)],
)
def test_a_command_that_ends_by_itself_is_told_by_its_code_alone(
    tmp_path: Path, script: str, code: int
) -> None:
    log = tmp_path / "log"
    command = ["sh", "-c", f"echo begun; {script}"]
    guard = start_guarded(command, log=log, environment=os.environ, folder=tmp_path)
    assert guard.wait(30) == code
    assert log.read_text() == "begun\n"
    assert stop_guarded(guard) == code


def test_a_command_is_ended_with_what_it_started(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", "import time; print('begun', flush=True); time.sleep(600)"]
    guard = start_guarded(command, log=log, environment=os.environ, folder=tmp_path)
    while "begun" not in log.read_text():
        assert guard.poll() is None
    assert stop_guarded(guard) == 143
    assert log.read_text() == "begun\n"
