"""Housekeeping deletes what the rules let go, and nothing that somebody still needs."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare, submit
from pipeline.actions.runs import change
from pipeline.actions.runs.find import find, folder_of
from pipeline.actions.upkeep.clean import clean, plan
from pipeline.core.errors import RunNotFound, TrackingUnreachable
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.store import Store

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def launched(here: Installation, days_ago: float, state: str = "succeeded") -> str:
    """Give the launch id of a run that ended so many days ago."""
    chosen = Choices(model="yolov8n-scratch.yaml", train=False)
    run = submit(here, prepare(here, chosen))
    when = (NOW - timedelta(days=days_ago)).isoformat()
    end = "" if state == "running" else when
    store = Store(Layout(here.settings.state).database)
    store.update_run(run.id, state=state, created_at=when, started_at=when, finished_at=end)
    (folder_of(here, run).path / "weights.pt").write_bytes(bytes(1000))
    return run.launch


def names(here: Installation, **rules: float | bool) -> list[str]:
    return [item.name for item in plan(here, now=NOW, **rules).items]  # type: ignore[arg-type]


def test_a_run_goes_when_every_rule_lets_it_go(here: Installation) -> None:
    oldest, old, young = (launched(here, days) for days in (30, 20, 1))
    launched(here, 40, "running")
    assert names(here) == []
    assert names(here, keep=1) == [old, oldest]
    assert names(here, older_than_days=25) == [oldest]
    assert names(here, keep=3, older_than_days=25) == []
    assert names(here, keep=0) == [young, old, oldest]
    change.archive(here, young, is_archived=True)
    assert names(here, archived=True) == [young]
    assert names(here, archived=True, older_than_days=25) == []


def test_what_goes_is_gone_and_frees_what_was_said(here: Installation) -> None:
    old, young = launched(here, 20), launched(here, 1)
    planned = plan(here, older_than_days=10, now=NOW)
    assert planned.bytes > 1000
    assert find(here, old).launch == old
    assert clean(here, planned) == planned.bytes
    with pytest.raises(RunNotFound):
        find(here, old)
    assert find(here, young).launch == young
    assert clean(here, planned) == 0


def test_weights_that_a_waiting_run_starts_from_stay(here: Installation) -> None:
    first = launched(here, 30)
    second = launched(here, 0, "running")
    path = folder_of(here, find(here, second)).launch
    record = load_launch(path)
    replace(record, model_path=f"runs/{first}/train/weights/best.pt").save(path)
    planned = plan(here, keep=0, now=NOW)
    assert planned.items == ()
    assert planned.spared == {first: f"{second} starts from its weights"}


def test_candidates_stay(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launched(here, 30)
    from pipeline.tracking import registry

    monkeypatch.setattr(registry, "marks", lambda _: {first: ("candidate",)})
    assert plan(here, keep=0, now=NOW).spared == {first: "it is candidate"}


def test_nothing_goes_while_mlflow_does_not_say_what_is_production(here: Installation) -> None:
    launched(here, 30)
    away = Installation(replace(here.settings, tracking_uri="http://127.0.0.1:9"))
    with pytest.raises(TrackingUnreachable):
        plan(away, keep=0, now=NOW)


def test_leftovers_of_what_was_cut_short_go(here: Installation) -> None:
    known = launched(here, 1)
    layout = Layout(here.settings.state)
    orphan = layout.attempt("no-such-run", "train", 1)
    orphan.mkdir(parents=True)
    (orphan.parent / "output.log").write_bytes(bytes(100))
    layout.run(find(here, known).id).mkdir(parents=True)
    hidden = here.settings.volume / "runs" / ".20261101-0000-x-abcd.0123abcd"
    hidden.mkdir()
    (hidden / "best.pt").write_bytes(bytes(200))
    torn = here.settings.volume / "runs" / known / ".note.json.0123abcd.tmp"
    torn.write_bytes(bytes(300))
    # A launch, a deletion or a write that goes on is young.
    assert names(here) == [str(layout.run("no-such-run"))]
    yesterday = time.time() - 25 * 3600
    for path in (torn, hidden):
        os.utime(path, (yesterday, yesterday))
    planned = plan(here, now=NOW)
    assert {item.name for item in planned.items} == {
        str(layout.run("no-such-run")),
        str(hidden),
        str(torn),
    }
    assert (planned.bytes, clean(here, planned)) == (600, 600)
    assert not any(path.exists() for path in (torn, hidden, orphan))
    assert layout.run(find(here, known).id).exists()
    assert plan(here, now=NOW).items == ()
