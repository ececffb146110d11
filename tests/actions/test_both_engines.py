"""Two engines side by side: one may be away, and a run can be started again on the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import choices_of, prepare, submit
from pipeline.actions.runs.change import stop
from pipeline.actions.runs.details import show
from pipeline.actions.runs.find import find, folder_of, newest
from pipeline.cli.main import main
from pipeline.core import outages
from pipeline.core.errors import EngineUnreachable
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.core.states import State
from pipeline.core.volume.run_folder import claim
from pipeline.engines.base import Run
from tests.engines.kubeflow.fake_api import FakeKfp, api, pod, run_detail, run_id

__all__ = ["api"]

SHAPES = Choices(
    model="yolov8n-scratch.yaml", train=False, overrides={"epochs": 3}, name="twice", mem_gb=8
)


@pytest.fixture
def here(both: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(outages, "FIRST_PAUSE_S", 0.0)
    yield both
    for run in both.engine("local").list_runs().runs:
        both.engine("local").delete(run.id)


def launch(here: Installation, engine: str, choices: Choices = SHAPES, origin: str = "") -> Run:
    there = here.on(engine)
    plan = prepare(there, choices, cloned_from=origin)
    assert plan.ok, plan.findings
    return submit(there, plan)


def clone(here: Installation, run: Run, engine: str) -> Run:
    original = find(here, run.launch)
    choices = choices_of(here, original)
    return launch(here, engine, choices, folder_of(here, original).name)


def test_runs_of_both_are_one_list_newest_first(here: Installation, api: FakeKfp) -> None:
    local = launch(here, "local")
    api.add(run_detail(1, pod("train", "Running"), created_at="2020-01-01T00:00:00Z"))
    api.add(run_detail(2, pod("train", "Running"), created_at="2100-01-01T00:00:00Z"))
    found = newest(here)
    assert [run.engine for run in found.runs] == ["kubeflow", "local", "kubeflow"]
    assert found.runs[1].id == local.id
    assert found.outages == ()
    assert find(here, found.runs[0].launch).engine == "kubeflow"
    assert find(here, local.launch).engine == "local"


def test_kubeflow_away_hides_neither_its_runs_nor_the_others(
    here: Installation, api: FakeKfp
) -> None:
    local = launch(here, "local")
    there = api.add(run_detail(1, pod("train", "Running")))
    newest(here)
    for path in ("/apis/v1beta1/runs", f"/apis/v1beta1/runs/{there}", "/apis/v1beta1/healthz"):
        api.answers["GET", path] = (503, b"down for a moment")
    found = newest(here)
    assert {run.id for run in found.runs} == {local.id, there}
    (outage,) = found.outages
    assert outage.engine == "kubeflow"
    assert outage.message.startswith(f"{api.url} answers 503")
    assert outage.seen_at
    shown = next(run for run in found.runs if run.id == there)
    assert shown.state is State.RUNNING
    assert "Last seen" in shown.message
    stop(here, local.launch)  # and what answers can still be used
    with pytest.raises(EngineUnreachable):
        stop(here, there)
    api.answers.clear()
    assert newest(here).outages == ()


def test_the_local_queue_out_of_order_does_not_hide_kubeflow(
    here: Installation, api: FakeKfp
) -> None:
    there = api.add(run_detail(1, pod("train", "Running")))
    queue = here.settings.state / "engine" / "runs.db"
    queue.parent.mkdir()
    queue.write_bytes(b"no database" * 100)
    found = newest(here)
    assert [run.id for run in found.runs] == [there]
    assert [outage.engine for outage in found.outages] == ["local"]
    queue.unlink()


def test_a_run_moves_to_kubeflow_and_back_by_cloning(here: Installation, api: FakeKfp) -> None:
    local = launch(here, "local")
    moved = clone(here, local, "kubeflow")
    assert moved.engine == "kubeflow"
    assert list(api.details) == [moved.id]
    back = clone(here, moved, "local")
    assert back.engine == "local"
    assert back.id != local.id
    records = [load_launch(folder_of(here, run).launch) for run in (local, moved, back)]
    assert [record.engine for record in records] == ["local", "kubeflow", "local"]
    assert [record.choices for record in records] == [SHAPES] * 3
    assert [record.cloned_from for record in records] == ["", local.launch, moved.launch]
    assert len({record.dataset_fingerprint for record in records}) == 1


def test_the_command_line_names_the_engine_that_is_away(
    here: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    local = launch(here, "local")
    words = ["--volume", str(here.settings.volume), "--state", str(here.settings.state)]
    monkeypatch.setenv("KFP_ENDPOINT", "http://127.0.0.1:9")
    assert main([*words, "runs", "--json"]) == 0
    said = capsys.readouterr()
    assert [row["run"] for row in json.loads(said.out)] == [local.id]
    assert "engine 'kubeflow' is away, its runs are as never seen" in said.err
    monkeypatch.setenv("SLIPWAY_ENGINES", "kubeflow")
    monkeypatch.setenv("SLIPWAY_ENGINE", "kubeflow")
    assert main([*words, "runs", "--json"]) == 6


def test_a_run_that_writes_to_another_volume_says_so(here: Installation, api: FakeKfp) -> None:
    nodes = (pod("volume-mount", "Succeeded"), pod("verify", "Succeeded"), pod("train", "Running"))
    api.add(run_detail(1, nodes[0], pod("verify", "Running")))
    run = find(here, run_id(1))
    assert show(here, run.id).facts.message == ""  # verify has not come to it
    api.add(run_detail(1, *nodes))
    said = show(here, run.id).facts.message
    assert said.startswith("this volume is not the one that the run writes to: verify finished")
    assert "SLIPWAY_PVC_NAME" in said
    claim(folder_of(here, run), run.uid)
    assert show(here, run.id).facts.message == ""


def test_a_launch_for_kubeflow_is_told_when_pods_cannot_track(here: Installation) -> None:
    private = Installation(replace(here.settings, pod_tracking_uri=""))
    codes = {entry.code for entry in prepare(private.on("kubeflow"), SHAPES).findings}
    assert "tracking-not-for-pods" in codes
    assert "tracking-not-for-pods" not in {
        entry.code for entry in prepare(private, SHAPES).findings
    }
