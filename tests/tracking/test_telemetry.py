from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What makes MLflow believe that it is tested, and be silent.
SILENCING = ("CI", "PYTEST_CURRENT_TEST", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")
PROGRAM = """
import sys
from pipeline.tracking.client import mlflow_client
mlflow_client(f"sqlite:///{sys.argv[1]}/mlflow.db")
from mlflow.telemetry import get_telemetry_client
print("reports to", get_telemetry_client())
"""


def test_mlflow_reports_to_nobody(tmp_path: Path) -> None:
    bare = {name: text for name, text in os.environ.items() if name not in SILENCING}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=bare,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "reports to None" in done.stdout, done.stdout + done.stderr
