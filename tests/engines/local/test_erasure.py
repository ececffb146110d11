"""What becomes of values in a state that an older Slipway wrote."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.engines.local.control.private import values_for
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.schema import VERSION
from pipeline.engines.local.queue.store import Store
from tests.engines.local.faults import repository
from tests.engines.local.marks import files_with, marker


def test_values_in_an_older_state_are_gone_to_the_last_byte(tmp_path: Path) -> None:
    path = Layout(tmp_path).database
    path.parent.mkdir(parents=True)
    values = [marker() for _ in range(5)]
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    settings = (
        f'{{"SLIPWAY_VOLUME": "/data", "KFP_ENDPOINT": "http://a:{values[0]}@kfp", "SLIPWAY_'
        f'WEBHOOK_URL": "https://hooks/{values[1]}", "MLFLOW_TRACKING_URI": "http://b:{values[2]}@m"}}'
    )
    document = (
        '{"spec": {"templates": [{"container": {"env": [{"name": "MLFLOW_S3_ENDPOINT_URL",'
        f' "value": "http://c:{values[3]}@s3"}}]}}}}]}}}}'
    )
    keeps_log = sqlite3.connect(path)  # else the log is gone when the last one closes
    with closing(keeps_log) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(first)
        db.execute("UPDATE runs SET settings = ?, workflow = ?", (settings, document))
        said = f"http://d:{values[4]}@m does not answer"
        db.execute("UPDATE runs SET message = ?", (said,))
        db.execute("UPDATE steps SET message = ?", (said,))
        db.execute("DELETE FROM runs WHERE id = 'run1'")
        db.commit()
        assert len(files_with(tmp_path, *values)) > 0
        (run, _) = Store(path).page(10, None)
        assert files_with(tmp_path, *values) == []
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert run.secrets["MLFLOW_TRACKING_URI"] == "http://m"
    assert run.settings["SLIPWAY_VOLUME"] == "/data"
    assert run.settings["KFP_ENDPOINT"] == "http://kfp"
    assert run.message == "http://m does not answer"


def test_a_state_that_somebody_reads_is_overwritten_later(tmp_path: Path) -> None:
    path, value = tmp_path / "runs.db", marker()
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(
            first.replace('"/data"', f'"/data", "SLIPWAY_WEBHOOK_URL": "http://h/{value}"')
        )
        db.execute("BEGIN")
        db.execute("SELECT * FROM runs").fetchone()
        store = Store(path)
        assert len(store.page(10, None)) == 3  # nobody is kept waiting for long
        db.execute("COMMIT")
        assert files_with(tmp_path, value) != []
        look = f"Store(Path({str(path)!r})).page(10, None)"
        store = "from pipeline.engines.local.queue.store import Store"
        code = f"from pathlib import Path; {store}; {look}"
        subprocess.run([sys.executable, "-c", code], cwd=repository(), check=True)
        assert files_with(tmp_path, value) == []


# The first was in a list once, the others were not.
@pytest.mark.parametrize(
    "name",
    [
        *("AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL_S3"),
        *("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_AWS_SIGV4", "AWS_ROLE_ARN"),
    ],
)
def test_runs_of_an_older_state_have_every_variable_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "runs.db"
    first = Path(__file__).with_name("state-version-1.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(path)) as db:
        db.executescript(first)
    monkeypatch.delenv(name, raising=False)
    (run, *_) = Store(path).page(10, None)
    assert name not in values_for(run.secrets, {})[0]
    value = marker()
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("HUB_KEY", value)
    monkeypatch.setenv("KFP_TOKEN", value)
    values, missing = values_for(run.secrets, {})
    assert (values[name], missing) == (value, [])
    assert "HUB_KEY" not in values and "KFP_TOKEN" not in values
    assert values_for(run.secrets, {name: "handed"})[0][name] == "handed"
