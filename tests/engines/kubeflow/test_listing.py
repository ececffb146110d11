"""The memory of runs: right after whatever happened elsewhere, with few questions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.errors import EngineUnreachable, RunNotFound
from pipeline.core.said import Said
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, Run
from pipeline.engines.registry import make_engine
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail, run_id, serving

RUNS = "/apis/v1beta1/runs"


def all_of(engine: Engine, limit: int = 50) -> list[Run]:
    page = engine.list_runs(limit=limit)
    found = [*page.runs]
    while page.next_token:
        page = engine.list_runs(limit=limit, token=page.next_token)
        found += page.runs
    return found


def ids(engine: Engine) -> list[str]:
    return [run.id for run in all_of(engine)]


def finished(number: int, status: str = "Succeeded") -> dict[str, object]:
    phase = "Succeeded" if status == "Succeeded" else "Failed"
    return run_detail(number, pod("train", phase, "Error (exit code 1)"), status=status)


def test_runs_of_one_second_keep_the_order_in_which_they_were_made(
    api: FakeKfp, engine: Engine
) -> None:
    for number in range(1, 46):
        api.add(finished(number))
    expected = [run_id(number) for number in range(45, 0, -1)]
    assert ids(engine) == expected
    assert [run.id for run in all_of(engine, limit=7)] == expected


def test_a_finished_run_is_read_once(api: FakeKfp, engine: Engine) -> None:
    api.add(finished(1))
    for _ in range(3):
        (run,) = all_of(engine)
    assert [step.name for step in run.steps if step.state is State.SUCCEEDED] == ["train"]
    assert api.asked(f"{RUNS}/{run_id(1)}") == 1


def test_new_ended_retried_and_deleted_runs_are_seen(api: FakeKfp, engine: Engine) -> None:
    for number in (1, 2):
        api.add(finished(number, "Failed"))
    api.add(run_detail(3, pod("train", "Running")))
    assert [run.state for run in all_of(engine)] == [State.RUNNING, State.FAILED, State.FAILED]
    api.add(run_detail(1, pod("train", "Running")))  # retried in KFP's own pages
    api.add(finished(3))
    api.add(run_detail(4, pod("train", "Running")))
    del api.details[run_id(2)]
    states = {run.id: run.state for run in all_of(engine)}
    assert states == {
        run_id(4): State.RUNNING,
        run_id(3): State.SUCCEEDED,
        run_id(1): State.RUNNING,
    }


def test_a_run_that_was_stopped_while_it_ran_is_not_shown_as_failed(
    api: FakeKfp, engine: Engine
) -> None:
    api.add(run_detail(1, pod("train", "Running")))
    assert all_of(engine)[0].state is State.RUNNING
    stop = {"activeDeadlineSeconds": 0}
    api.add(run_detail(1, pod("train", "Failed"), status="Failed", spec=stop))
    for number in range(2, 10):
        api.add(finished(number, "Failed"))
    api.list_s = 0.15  # no time is left to look at many runs that nobody saw running
    assert all_of(engine)[-1].state is State.STOPPED


def test_a_slow_server_s_runs_are_read_little_by_little(api: FakeKfp, engine: Engine) -> None:
    for number in range(1, 10):
        api.add(finished(number))
    api.list_s = 0.15
    for _ in range(2):
        runs = all_of(engine)
    assert all(run.steps for run in runs)


def test_a_retry_that_ended_between_two_looks_is_seen(api: FakeKfp, engine: Engine) -> None:
    api.add(finished(1, "Failed"))
    assert all_of(engine)[0].message
    again = finished(1)
    again["run"]["finished_at"] = "2026-11-24T11:00:00Z"  # type: ignore[index]
    api.add(again)
    (run,) = all_of(engine)
    assert (run.state, run.message) == (State.SUCCEEDED, "")


def test_why_a_run_failed_is_kept_with_what_it_was_made_of(api: FakeKfp, engine: Engine) -> None:
    api.add(finished(1, "Failed"))
    first, again = all_of(engine)[0].message, all_of(engine)[0].message
    assert first == again
    assert isinstance(first, Said) and isinstance(again, Said)


def test_another_endpoint_has_other_runs(
    api: FakeKfp, engine: Engine, fake_settings: Settings
) -> None:
    api.add(finished(1))
    assert ids(engine) == [run_id(1)]
    with serving() as other:
        other.add(finished(2))
        elsewhere = make_engine(replace(fake_settings, kfp_endpoint=other.url))
        assert ids(elsewhere) == [run_id(2)]
    assert ids(engine) == [run_id(1)]


def test_a_new_process_starts_with_what_the_last_one_knew(
    api: FakeKfp, engine: Engine, fake_settings: Settings
) -> None:
    api.add(finished(1))
    before = all_of(engine)
    assert all_of(make_engine(fake_settings)) == before
    assert api.asked(f"{RUNS}/{run_id(1)}") == 1


def test_a_run_deleted_elsewhere_is_not_found_and_forgotten(api: FakeKfp, engine: Engine) -> None:
    launch = engine.get(api.add(finished(1))).launch
    assert engine.get(launch).id == run_id(1)
    api.details.clear()
    for name in (run_id(1), launch):
        with pytest.raises(RunNotFound):
            engine.get(name)
    assert ids(engine) == []


def test_a_damaged_memory_is_named(api: FakeKfp, engine: Engine, fake_settings: Settings) -> None:
    path = fake_settings.state / "kubeflow" / "runs.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(EngineUnreachable, match="memory of Kubeflow's runs") as caught:
        engine.list_runs()
    assert caught.value.where == str(path)
