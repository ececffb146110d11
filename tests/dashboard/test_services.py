from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import streamlit as st

from dashboard import services


@pytest.mark.parametrize(
    ("listens_on", "host", "seen"),
    [
        ("0.0.0.0", "lab-pc:8501", "http://lab-pc:7/#/x"),
        ("0.0.0.0", "[fd00::7]:8501", "http://[fd00::7]:7/#/x"),
        ("0.0.0.0", "", "http://127.0.0.1:7/#/x"),
        ("127.0.0.1", "localhost:9000", "http://127.0.0.1:7/#/x"),
    ],
)
def test_a_link_to_mlflow_leads_where_the_browser_sees_this_machine(
    installation: Path, monkeypatch: pytest.MonkeyPatch, listens_on: str, host: str, seen: str
) -> None:
    monkeypatch.setattr(st, "context", SimpleNamespace(headers={"Host": host}))
    state = services.here().settings.state
    state.mkdir(exist_ok=True)
    record = {"pid": os.getpid(), "started": psutil.Process().create_time(), "port": 7}
    (state / "mlflow.json").write_text(
        json.dumps({**record, "host": listens_on, "url": "http://127.0.0.1:7"})
    )
    assert services.as_seen("http://127.0.0.1:7/#/x") == seen
    assert services.as_seen("https://mlflow.example/#/x") == "https://mlflow.example/#/x"
    assert services.as_seen("") == ""
