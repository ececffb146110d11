"""What KFP and Argo call a state, and what we make of it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.states import State
from pipeline.engines.base import Engine
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("", State.PENDING),  # 1.8, before the workflow controller has seen it
        ("Pending", State.PENDING),
        ("Running", State.RUNNING),
        ("Terminating", State.RUNNING),
        ("CANCELING", State.RUNNING),
        ("Succeeded", State.SUCCEEDED),
        ("SUCCEEDED", State.SUCCEEDED),
        ("Failed", State.FAILED),
        ("Error", State.FAILED),
        ("Terminated", State.STOPPED),
        ("Canceled", State.STOPPED),
        ("Skipped", State.SKIPPED),
        ("Hibernating", State.UNKNOWN),
    ],
)
def test_every_word_has_a_state_and_a_new_one_is_unknown(
    api: FakeKfp, engine: Engine, word: str, state: State
) -> None:
    run_id = api.add(run_detail(1, pod("train", "Running"), status=word))
    assert engine.get(run_id).state is state
    assert [run.state for run in engine.list_runs().runs] == [state]


@pytest.mark.parametrize(
    "stop",
    [
        {"spec": {"activeDeadlineSeconds": 0}},  # KFP's own stop
        {"spec": {"shutdown": "Stop"}},  # argo stop
        {"message": "Stopped with strategy 'Terminate'"},  # the spec is restored by now
    ],
)
def test_what_a_person_stopped_is_not_called_failed(
    api: FakeKfp, engine: Engine, stop: dict[str, Any]
) -> None:
    failed = pod("train", "Failed", "Step exceeded its deadline")
    run = engine.get(api.add(run_detail(1, failed, status="Failed", **stop)))
    assert run.state is State.STOPPED
    assert run.message == ""
    train = next(step for step in run.steps if step.name == "train")
    assert (train.state, train.message) == (State.STOPPED, "the run was stopped")


def test_a_run_none_of_whose_pods_has_started_is_queued(api: FakeKfp, engine: Engine) -> None:
    run_id = api.add(run_detail(1, pod("volume-mount", "Pending")))
    assert engine.get(run_id).state is State.PENDING
    api.add(run_detail(1, pod("volume-mount", "Running")))
    assert engine.get(run_id).state is State.RUNNING


def test_a_run_of_another_program_needs_no_workflow(api: FakeKfp, engine: Engine) -> None:
    detail = run_detail(1, status="Succeeded")
    detail["run"] |= {"description": "", "name": "Run of xgboost", "pipeline_spec": {}}
    del detail["pipeline_runtime"]
    run = engine.get(api.add(detail))
    assert (run.launch, run.state, run.steps) == ("", State.SUCCEEDED, ())
