"""What looking at MLflow's results costs beside MLflow itself."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.runs.compare import side_by_side
from pipeline.actions.runs.page import page_of
from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.registry import step_names
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.engines.local.control.start import take_lock
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.rows import RunRow
from pipeline.engines.local.queue.store import Store
from pipeline.tracking import server
from pipeline.tracking.client import reading
from pipeline.tracking.schema import TAG_LAUNCH
from pipeline.tracking.sync import sync
from tests.benchmarks.report import say

RUNS = 1000
LIVE = 2
COMPARED = 20
PARAMS = 100
METRICS = (
    *(f"metrics/{name}B" for name in ("precision", "recall", "mAP50", "mAP50-95")),
    *(f"{split}/{name}_loss" for split in ("train", "val") for name in ("box", "cls", "dfl")),
    *("lr/pg0", "lr/pg1"),
)
EPOCHS = 100
ROUNDS = 5
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def read_runs(folder: Path) -> None:
    """Hold pages of many runs against MLflow's own search, on a server with as many."""
    here = Installation(Settings(volume=folder / "volume", state=folder / "state", user="ann"))
    here.settings.volume.mkdir()
    lock = take_lock(Layout(here.settings.state))  # nothing is to start
    assert lock is not None
    with _server(here):
        _fill(here)
        plain_s = _timed(lambda: _search(here))
        synced_s = _timed(lambda: sync(here.settings))
        opened_s = _timed(lambda: _page(here))
        again_s = [_timed(lambda: _page(here)) for _ in range(ROUNDS)]
        sorted_s = [_timed(lambda: _page(here, sort="mAP50-95")) for _ in range(ROUNDS)]
        sync_s = [_timed(lambda: sync(here.settings)) for _ in range(ROUNDS)]
        compared_plain_s = _timed(lambda: _histories(here))
        compared_first_s = _timed(lambda: _compare(here))
        compared_s = [_timed(lambda: _compare(here)) for _ in range(ROUNDS)]
    print(f"{RUNS} runs of {PARAMS} parameters: MLflow's search {plain_s:.2f} s")
    print(f"first sync: {synced_s:.2f} s; then, every few seconds, beside the page:")
    say("sync", sync_s, "no promise")
    ratio = plain_s / opened_s
    print(f"page opened: {opened_s:.2f} s, {ratio:.0f} times as fast as the search (at least 12)")
    say(f"page again, {LIVE} of the runs live", again_s, "at most 0.3 s")
    say("page sorted by mAP50-95", sorted_s, "no promise")
    print(f"{COMPARED} × {len(METRICS)} curves of {EPOCHS} epochs: MLflow {compared_plain_s:.2f} s")
    print(f"compared for the first time: {compared_first_s:.2f} s")
    say("compared again", compared_s, "at most 1 s")


def _timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _search(here: Installation) -> None:
    with reading(here.settings) as client:
        found = client.search_runs(["0"], max_results=RUNS)
    assert len(found) == RUNS, len(found)


def _page(here: Installation, **more: Any) -> None:
    found = page_of(here, {}, **more)
    assert found.fitting == RUNS, found.fitting
    assert all(row.metrics_source == "mlflow" and row.curve for row in found.rows)


def _histories(here: Installation) -> None:
    with reading(here.settings) as client:
        for number in range(COMPARED):
            for metric in METRICS:
                assert len(client.get_metric_history(_run_id(number), metric)) == EPOCHS


def _compare(here: Installation) -> None:
    found = side_by_side(here, [launch_id(number) for number in range(COMPARED)])
    assert not found.missing
    assert all(len(history) == len(METRICS) for history in found.histories.values())


@contextmanager
def _server(here: Installation) -> Iterator[None]:
    started = server.start(here.settings)
    try:
        while server.server_state(here.settings) != "ready":
            assert started.exit_code is None, started.log.read_text()
            time.sleep(0.2)
        yield
    finally:
        started.stop()


def launch_id(number: int) -> str:
    """Give the launch of a run that `record` made."""
    return f"20260101-{number:04}-shapes-yolov8n-aaaa"


def _run_id(number: int) -> str:
    return f"{number:032x}"


def _is_live(number: int) -> bool:
    return number >= RUNS - LIVE


def _fill(here: Installation) -> None:
    """Make finished and live runs: records, what the engine knows, and what MLflow knows."""
    store = Store(Layout(here.settings.state).database)
    for number in range(RUNS):
        record(here, number)
        _submit(store, number)
    # By MLflow's client it would take a quarter of an hour.
    with closing(sqlite3.connect(server.database(here.settings), timeout=30)) as database, database:
        for table, rows in _tables().items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def record(here: Installation, number: int) -> None:
    """Write the folder of a run that trained."""
    name = launch_id(number)
    folder = RunFolder(here.settings.volume / "runs" / name)
    launch = Launch(
        id=name,
        choices=Choices(model="yolov8n.yaml", cfg="cfg-custom", data="data-custom"),
        model_path="yolov8n.yaml",
        user="ann",
        created_at=_at(number),
        code_version="0",
        engine="local",
    )
    launch.save(folder.launch)
    folder.cfg.write_text(f"lr0: {0.001 * (1 + number % 7)}\nseed: {number % 5}\n")
    folder.results.parent.mkdir()
    folder.results.write_text("epoch,time\n1,1.0\n")
    write_json(folder.mlflow, {"run_id": _run_id(number), "experiment_id": "0"})


def _submit(store: Store, number: int) -> None:
    row = RunRow(
        seq=0,
        id=_run_id(number),
        uid=_run_id(number),
        launch=launch_id(number),
        state="pending",
        message="",
        created_at=_at(number),
        started_at="",
        finished_at="",
        position=0,
        stop_at="",
        is_deleted=False,
        parameters={"launch": launch_id(number)},
        settings={},
    )
    store.add(row, {"spec": {}}, step_names())
    is_live = _is_live(number)
    over = {} if is_live else {"finished_at": _at(number, 30)}
    state = "running" if is_live else "succeeded"
    store.update_run(row.id, created_at=_at(number), state=state, started_at=_at(number, 1), **over)


def _at(number: int, minutes: int = 0) -> str:
    time_ = _FIRST + timedelta(hours=number, minutes=minutes)
    return time_.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tables() -> dict[str, list[tuple[Any, ...]]]:
    runs, params, metrics, latest, tags = [], [], [], [], []
    for number in range(RUNS):
        id_, name = _run_id(number), launch_id(number)
        began = int((_FIRST + timedelta(hours=number)).timestamp() * 1000)
        status, ended = ("RUNNING", None) if _is_live(number) else ("FINISHED", began + 1_800_000)
        place = f"mlflow-artifacts:/0/{id_}"
        runs.append(
            (id_, name, "LOCAL", "", "", "ann", status, began, ended, "", "active", place, 0, None)
        )
        tags += [(TAG_LAUNCH, name, id_), ("mlflow.runName", name, id_)]
        params += [(f"param{index:03}", f"value {number} {index}", id_) for index in range(PARAMS)]
        for metric in METRICS:
            latest.append((metric, 0.9, began, EPOCHS - 1, False, id_))
            is_read = number < COMPARED or metric == "metrics/mAP50-95B"
            steps = range(EPOCHS if is_read else 1)
            metrics += [(metric, step / EPOCHS, began, id_, step, False) for step in steps]
    return {
        "runs": runs,
        "params": params,
        "metrics": metrics,
        "latest_metrics": latest,
        "tags": tags,
    }
