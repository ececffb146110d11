"""The store is opened by many at once, also for the first time, and by newer and older code."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.errors import EngineUnreachable
from pipeline.core.said import Said, said
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.local.control.start import take_lock
from pipeline.engines.local.engine import LocalEngine
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.rows import RunRow
from pipeline.engines.local.queue.schema import VERSION
from pipeline.engines.local.queue.store import Store
from pipeline.engines.local.queue.waiting import Waiting

# The state file as the first version wrote it: a run that is over, one that runs, one that waits.
FIRST_VERSION = Path(__file__).with_name("state-version-1.sql")
ROW = RunRow(
    seq=0,
    id="r1",
    uid="u1",
    launch="l-1",
    state=State.PENDING,
    message="",
    created_at="2026-11-30T10:00:00.000Z",
    started_at="",
    finished_at="",
    position=0,
    stop_at="",
    is_deleted=False,
    priority=0,
    parameters={},
    settings={},
)


def test_many_threads_open_a_new_store(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / str(number) / "runs.db"
        with ThreadPoolExecutor(12) as threads:
            pages = list(threads.map(lambda _, at=path: Store(at).page(3, None), range(12)))
        assert pages == [[]] * 12
        assert [entry.name for entry in path.parent.iterdir() if entry.suffix == ".db"] == [
            path.name
        ]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = Layout(tmp_path).database
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(FIRST_VERSION.read_text(encoding="utf-8"))
    return path


def test_state_of_the_first_version_is_taken_over_whole(old: Path, tmp_path: Path) -> None:
    assert len(Store(old).page(10, None)) == 3
    # Nothing starts: the test holds the controller's lock.
    assert take_lock(Layout(tmp_path)) is not None
    engine = LocalEngine(Settings(volume=tmp_path, state=tmp_path, gpu_slots=0))
    runs = {run.launch: run for run in engine.list_runs().runs}
    assert {name: run.state for name, run in runs.items()} == {
        "l-1": State.SUCCEEDED,
        "l-2": State.RUNNING,
        "l-3": State.PENDING,
    }
    assert [step.state for step in runs["l-1"].steps] == [State.SUCCEEDED] * 2
    assert runs["l-1"].finished_at == "2026-11-20T10:05:00.000Z"
    assert runs["l-2"].parameters == {"launch": "l-2"}
    assert [run.launch for run in engine.queue().runs] == ["l-2", "l-3"]
    engine.stop("l-2")
    engine.prioritise("l-3", 1)
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert db.execute("SELECT count(*) FROM steps WHERE is_stopping").fetchone() == (1,)


def test_many_threads_take_over_an_older_state(old: Path) -> None:
    with ThreadPoolExecutor(12) as threads:
        pages = list(threads.map(lambda _: Store(old).page(10, None), range(12)))
    assert {len(page) for page in pages} == {3}


def test_nobody_waits_twice_for_a_state_that_somebody_reads(old: Path) -> None:
    store = Store(old)
    with closing(sqlite3.connect(old, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM runs").fetchone()
        assert len(store.page(10, None)) == 3
        began = time.monotonic()
        for _ in range(5):
            assert len(store.page(10, None)) == 3
            store.update_run("run1", message="written")
        assert time.monotonic() - began < 1
        reader.execute("COMMIT")


def test_state_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    Waiting(Store(path)).pause(is_paused=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(EngineUnreachable, match=f"version {VERSION + 1}.*Update Slipway"):
        Store(path).page(10, None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(Layout(tmp_path).database)
    made.add(ROW, {}, ["train"])
    return made


def message_of(store: Store) -> str:
    return store.steps(["r1"])["r1"][0].message


def test_messages_are_plain_texts_for_older_code_and_remember_what_they_were_made_of(
    store: Store, tmp_path: Path
) -> None:
    told = said("{step} failed: {message}", step="train", message=said("the run was stopped"))
    store.update_step("r1", "train", message=told)
    store.update_run("r1", message=told)
    for message in (message_of(store), store.find("r1").message):
        assert message == told and isinstance(message, Said)
        assert isinstance(message.values["message"], Said)
    with closing(sqlite3.connect(Layout(tmp_path).database)) as db, db:
        assert db.execute("SELECT message FROM steps").fetchone() == (str(told),)
        db.execute("UPDATE steps SET message = 'another'")  # as older code does
    assert message_of(store) == "another" and not isinstance(message_of(store), Said)


def test_what_messages_were_made_of_goes_with_the_run(store: Store, tmp_path: Path) -> None:
    store.update_step("r1", "train", message=said("the run was stopped"))
    store.update_run("r1", state=State.STOPPED)
    assert store.forget("r1")
    with closing(sqlite3.connect(Layout(tmp_path).database)) as db:
        assert db.execute("SELECT count(*) FROM sentences").fetchone() == (0,)
