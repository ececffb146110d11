"""The dashboard with its MLflow server, as ``./run.sh`` starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(state: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start both; whatever has become of them, nothing of them is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline.serve", *options],
        cwd=ROOT,
        env={**os.environ, "SLIPWAY_STATE": str(state)},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup ignores it
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def address(process: subprocess.Popen[str], beginning: str) -> str:
    """Give the address in the first line that begins like this."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith(beginning):
            found = re.search(r"http://\S+", line)
            assert found, line
            return found[0]
    pytest.fail("".join(said))
