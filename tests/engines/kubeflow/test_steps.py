"""From Argo's nodes to our steps."""

from __future__ import annotations

from pipeline.core.states import State
from pipeline.engines.base import Engine, Step
from tests.engines.kubeflow.fake_api import FINISHED, STARTED, FakeKfp, pod, run_detail


def steps_of(engine: Engine, run_id: str) -> dict[str, Step]:
    return {step.name: step for step in engine.get(run_id).steps}


def test_steps_are_in_the_pipelines_order_and_those_to_come_too(
    api: FakeKfp, engine: Engine
) -> None:
    nodes = (pod("verify", "Running"), pod("volume-mount", "Succeeded"))
    steps = steps_of(engine, api.add(run_detail(1, *nodes)))
    assert {name: step.state for name, step in steps.items()} == {
        "volume-mount": State.SUCCEEDED,
        "verify": State.RUNNING,
        "train": State.PENDING,
        "tune": State.PENDING,
        "notify": State.PENDING,
    }
    assert list(steps) == ["volume-mount", "verify", "train", "tune", "notify"]
    assert steps["volume-mount"].started_at == STARTED.replace("Z", ".000Z")
    assert steps["volume-mount"].finished_at == FINISHED.replace("Z", ".000Z")


def test_a_false_condition_is_told_from_an_earlier_failure(api: FakeKfp, engine: Engine) -> None:
    done = [pod(name, "Succeeded") for name in ("volume-mount", "verify", "train", "notify")]
    passed_over = pod("condition-tune", "Skipped", 'when \'"False" == "True"\'', type="Skipped")
    steps = steps_of(engine, api.add(run_detail(1, *done, passed_over, status="Succeeded")))
    assert (steps["tune"].state, steps["tune"].message) == (
        State.SKIPPED,
        "bool_tune is not True",
    )
    failed = pod("train", "Failed", "Error (exit code 3)")
    omitted = pod("condition-tune", "Omitted", "omitted: depends condition not met", type="Skipped")
    steps = steps_of(engine, api.add(run_detail(2, *done[:2], failed, omitted, status="Failed")))
    assert (steps["tune"].state, steps["tune"].message) == (State.SKIPPED, "train failed")
    assert steps["notify"].state is State.SKIPPED  # the run is over, so it never comes


def test_the_newest_pod_of_a_step_counts(api: FakeKfp, engine: Engine) -> None:
    first = pod("train", "Failed", "Error (exit code 1)", id="first")
    second = pod("train", "Running", id="second", startedAt="2026-11-24T11:00:00Z")
    steps = steps_of(engine, api.add(run_detail(1, second, first)))
    assert (steps["train"].state, steps["train"].message) == (State.RUNNING, "")


def test_the_end_of_a_pod_that_nobody_saw_is_not_made_up(api: FakeKfp, engine: Engine) -> None:
    steps = steps_of(engine, api.add(run_detail(1, pod("train", "Running"), status="Failed")))
    assert steps["train"].state is State.UNKNOWN


def test_a_document_that_contains_itself_ends(api: FakeKfp, engine: Engine) -> None:
    loop = {"name": "shapes", "dag": {"tasks": [{"name": "again", "template": "shapes"}]}}
    detail = run_detail(1, spec={"templates": [loop, {"name": "train", "container": {}}]})
    assert list(steps_of(engine, api.add(detail))) == ["train"]
