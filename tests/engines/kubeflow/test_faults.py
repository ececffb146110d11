"""What goes wrong on a real cluster: said in words, lost never, done twice never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytest import MonkeyPatch

from pipeline.actions.installation import Installation
from pipeline.actions.runs.find import newest
from pipeline.core import outages
from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, Run
from pipeline.engines.registry import make_engine
from tests import kfp_backend
from tests.engines import documents
from tests.engines.documents import (
    finish,
    is_running,
    launch,
    messages,
    own,
    own_runs,
    states,
    step,
    wait,
    workflow,
)
from tests.engines.kubeflow.proxy import Proxy, proxied

pytestmark = pytest.mark.kubeflow


@pytest.fixture
def engine(kubeflow_engine: Engine) -> Engine:
    return kubeflow_engine


def says(*words: str) -> Callable[[Run], bool]:
    """Give a condition for `wait`: the run's message has all these words."""
    return lambda run: all(word in run.message for word in words)


def own_claim(core: Any, **spec: Any) -> None:
    """Make the claim before the run does."""
    body = {
        "metadata": {"name": documents.claim()},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}}
        | spec,
    }
    core.create_namespaced_persistent_volume_claim(kfp_backend.NAMESPACE, body)


def test_a_step_without_enough_memory_says_what_to_raise(engine: Engine) -> None:
    greedy = step(
        "train", "echo epoch 1; exec python3 -c 'bytearray(1 << 29).replace(bytes(1), bytes([7]))'"
    )
    # As in the real steps. Argo 3.3 holds a killed program for one that ended well, and fails the
    # step only because it misses what was to be written here.
    greedy["outputs"] = {"parameters": [{"name": "pt", "valueFrom": {"path": "/tmp/outputs/pt"}}]}
    greedy["volumes"].append({"name": "outputs", "emptyDir": {}})
    greedy["container"] |= {"resources": {"limits": {"memory": "64Mi"}}}
    greedy["container"]["volumeMounts"].append({"name": "outputs", "mountPath": "/tmp/outputs"})
    run = finish(engine, launch(engine, greedy, step("test", "true")))
    assert run.state is State.FAILED
    assert run.message.startswith("train failed: it ran out of memory (OOMKilled). Raise the mem")
    assert messages(run)["test"] == "train failed"


def test_an_image_that_is_not_there_is_named_and_the_run_can_be_stopped(engine: Engine) -> None:
    nowhere = step("train", "true")
    nowhere["container"]["image"] = "slipway-nowhere:0"
    run_id = launch(engine, nowhere)
    waits = "train waits: its image slipway-nowhere:0 cannot be pulled"
    run = wait(engine, run_id, says(waits, "SLIPWAY_IMAGE_YOLO"))
    assert states(run)["train"] is State.PENDING
    engine.stop(run_id)
    assert finish(engine, run_id).state is State.STOPPED


def test_a_step_that_fits_no_node_says_so(engine: Engine) -> None:
    picky = step("train", "true")
    picky["nodeSelector"] = {"slipway.test/no-node": "has-this"}
    run_id = launch(engine, picky)
    run = wait(engine, run_id, says("train waits: 0/", "change node selector and tolerations"))
    assert states(run)["train"] is State.PENDING
    engine.stop(run_id)
    assert finish(engine, run_id).state is State.STOPPED


def test_a_claim_that_is_not_bound_is_what_the_run_waits_for(engine: Engine, kfp_core: Any) -> None:
    own_claim(kfp_core, storageClassName="slipway-no-such-class")
    document = workflow(step("verify", "true"), parameters={"launch": own("l")})
    document["spec"]["templates"][0]["resource"]["action"] = "get"  # takes it as it is
    run_id = engine.submit(document, own("l"))
    run = wait(engine, run_id, says("verify waits: the volume claim", "is not bound"))
    assert "SLIPWAY_PVC_STORAGE_CLASS" in run.message
    engine.stop(run_id)
    assert finish(engine, run_id).state is State.STOPPED


def test_a_claim_with_another_class_is_refused_by_name(engine: Engine, kfp_core: Any) -> None:
    own_claim(kfp_core, storageClassName="standard")
    run = finish(engine, launch(engine, step("verify", "true")))
    assert run.state is State.FAILED
    assert run.message.startswith("volume-mount failed: the volume claim")
    assert "another class, mode or size" in run.message
    assert states(run)["verify"] is State.SKIPPED


@pytest.fixture
def proxy(kfp_settings: Settings, monkeypatch: MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(outages, "FIRST_PAUSE_S", 0.0)
    with proxied(kfp_settings.kfp_endpoint) as made:
        yield made


@pytest.fixture
def behind(kfp_settings: Settings, proxy: Proxy) -> Settings:
    """Settings of a dashboard that reaches the API through the proxy only."""
    return replace(kfp_settings, kfp_endpoint=proxy.url, engines=("kubeflow",))


def test_an_api_out_of_reach_hides_no_run(engine: Engine, behind: Settings, proxy: Proxy) -> None:
    run_id = launch(engine, step("train", "sleep 2"))
    wait(engine, run_id, is_running("train"))
    here = Installation(behind)
    before = newest(here)
    assert run_id in [run.id for run in before.runs]
    proxy.cut()
    during = newest(here)
    assert [run.id for run in during.runs] == [run.id for run in before.runs]
    (shown,) = (run for run in during.runs if run.id == run_id)
    (outage,) = during.outages
    assert shown.state is State.RUNNING
    assert "Last seen" in shown.message
    assert outage.engine == "kubeflow"
    assert outage.seen_at
    assert proxy.url in outage.message
    finish(engine, run_id)
    proxy.mend()
    after = newest(here)
    assert after.outages == ()
    (shown,) = (run for run in after.runs if run.id == run_id)
    assert (shown.state, shown.message) == (State.SUCCEEDED, "")


def test_a_launch_whose_answer_is_lost_runs_once(
    engine: Engine, behind: Settings, proxy: Proxy
) -> None:
    proxy.swallows_launch = True
    cut_off = make_engine(behind)
    run_id = launch(cut_off, step("train", "true"))
    assert not proxy.swallows_launch
    assert launch(cut_off, step("train", "true")) == run_id
    assert finish(engine, run_id).state is State.SUCCEEDED
    assert [run.id for run in own_runs(engine)] == [run_id]


def test_a_launch_that_never_arrived_says_so_and_can_be_repeated(
    engine: Engine, behind: Settings, proxy: Proxy
) -> None:
    proxy.cut()
    cut_off = make_engine(behind)
    with pytest.raises(EngineUnreachable, match="does not answer"):
        launch(cut_off, step("train", "true"))
    assert own_runs(engine) == []
    proxy.mend()
    run_id = launch(cut_off, step("train", "true"))
    assert finish(engine, run_id).state is State.SUCCEEDED
    assert [run.id for run in own_runs(engine)] == [run_id]
