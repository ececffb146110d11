"""Sweeps on both engines: the embedded one with its controller held back, and a KFP API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import prepare
from pipeline.actions.launching.sweep import prepare_sweep, resume, start
from pipeline.actions.runs import change
from pipeline.actions.runs import details as runs
from pipeline.actions.runs import page as run_list
from pipeline.actions.runs.find import find, folder_of
from pipeline.actions.runs.sweep_runs import SweepRuns, show_sweep
from pipeline.core.errors import EngineUnreachable, InputError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import load_launch
from pipeline.core.launch.sweep import (
    MAX_RUNS,
    Combination,
)
from pipeline.core.states import State
from pipeline.core.volume.run_folder import run_folder
from pipeline.core.volume.run_note import load_note
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.writer import track
from tests.actions.sweeps import CUSTOM, LIGHT, N, S, planned, tell_state
from tests.engines.kubeflow.fake_api import FakeKfp
from tests.waiting import until


@pytest.fixture(params=["local", "kubeflow"])
def here(request: pytest.FixtureRequest) -> Installation:
    made: Installation = request.getfixturevalue(request.param)
    return made


class CutOff(dict[tuple[str, str], tuple[int, bytes]]):
    """Answers of an API that goes away after it has created some runs."""

    def __init__(self, created: int) -> None:
        super().__init__()
        self.left = created

    def get(self, key: Any, default: Any = None) -> Any:
        if key == ("POST", "/apis/v1beta1/runs"):
            self.left -= 1
        return (503, b"down") if self.left < 0 else default


def launches_of(here: Installation) -> list[str]:
    return [run.launch for run in here.engine().list_runs(limit=200).runs]


def seeds_in(found: SweepRuns, state: State | None) -> list[Any]:
    return [entry.seed for entry, run in found.runs.items() if run.state == state]


def test_preparing_a_sweep_writes_nothing(here: Installation) -> None:
    before = set(here.settings.volume.rglob("*"))
    plan = planned(here, 0, 1, 2)
    assert plan.ok, plan.findings
    assert len(plan.plans) == 6
    launches = [entry.launch for entry in plan.plans.values()]
    assert len({launch.id for launch in launches}) == 6
    assert [launch.id.split("-")[-2] for launch in launches] == ["s0", "s1", "s2"] * 2
    assert {launch.sweep for launch in launches} == {plan.name}
    assert {launch.engine for launch in launches} == {here.settings.engine}
    assert [launch.choices.overrides["seed"] for launch in launches] == [0, 1, 2, 0, 1, 2]
    assert set(here.settings.volume.rglob("*")) == before


def test_its_launches_are_ordinary_ones_under_one_tag(here: Installation) -> None:
    sweep = start(here, planned(here, 0, 1))
    assert sorted(launches_of(here)) == sorted(sweep.launches.values())
    for combination, launch in sweep.launches.items():
        folder = folder_of(here, find(here, launch))
        record = load_launch(folder.launch)
        alone = prepare(here, combination.choices(LIGHT)).launch
        assert record.choices == alone.choices
        assert record.sweep == sweep.name
        assert load_note(folder).tags == (sweep.name,)
        assert runs.show(here, launch).facts.sweep == sweep.name
    rows = run_list.page_of(here, {}, f"tag:{sweep.name}").rows
    assert {row.facts.launch for row in rows} == set(sweep.launches.values())


def test_mlflow_has_the_tag_too(local: Installation) -> None:
    sweep = start(local, planned(local, name="night"))
    folder = run_folder(local.volume, next(iter(sweep.launches.values())))
    track(folder, local.settings)
    client = mlflow_client(tracking_uri(local.settings))
    tags = client.get_run(local.tracking.run_id(folder.name)).data.tags
    assert (tags["slipway.sweep"], tags["slipway.tags"]) == ("night", "night")


def test_the_same_plan_twice_starts_nothing_twice(here: Installation) -> None:
    plan = planned(here, 0)
    assert start(here, plan) == start(here, plan)
    assert len(launches_of(here)) == 2


def test_the_same_sweep_again_starts_what_is_missing(here: Installation) -> None:
    start(here, planned(here, 0, name="night"))
    more = planned(here, 0, 1, name="night")
    assert [entry.seed for entry in more.plans] == [1, 1]
    (said,) = [entry.message for entry in more.findings if entry.code == "sweep-goes-on"]
    assert "2 of these 4 runs are started; the other 2 will be" in said
    start(here, more)
    assert len(launches_of(here)) == 4
    again = planned(here, 0, 1, name="night")
    assert again.ok and not again.plans
    start(here, again)
    assert len(launches_of(here)) == 4


def test_two_who_prepare_the_same_sweep_start_it_once(here: Installation) -> None:
    one, other = (planned(here, 0, 1, name="night") for _ in range(2))
    assert start(here, one) == start(here, other)
    assert len(launches_of(here)) == 4


def test_an_outage_in_the_middle_says_what_is_started_and_what_not(
    kubeflow: Installation, api: FakeKfp
) -> None:
    plan = planned(kubeflow, 0, 1, name="night")
    api.answers = CutOff(created=3)
    with pytest.raises(EngineUnreachable) as caught:
        start(kubeflow, plan)
    assert "3 of the 4 runs of sweep 'night' are started" in caught.value.message
    assert f"{S} · {CUSTOM} · seed 1 not" in caught.value.message
    assert "sweep --resume night" in caught.value.next
    away = show_sweep(kubeflow, "night")
    assert [outage.engine for outage in away.outages] == ["kubeflow"]
    api.answers = {}
    api.details.popitem()  # what it kept of the request that it did not answer
    assert seeds_in(show_sweep(kubeflow, "night"), None) == [1]
    missing = resume(kubeflow, "night")
    assert list(missing.plans) == [Combination(S, CUSTOM, 1)]
    start(kubeflow, missing)
    assert len(api.details) == 4
    assert not seeds_in(show_sweep(kubeflow, "night"), None)


def test_a_run_whose_start_was_not_confirmed_is_not_started_again(
    kubeflow: Installation, api: FakeKfp
) -> None:
    plan = planned(kubeflow, 0, 1, name="night")
    api.answers = CutOff(created=3)
    with pytest.raises(EngineUnreachable, match="whether it started is not known"):
        start(kubeflow, plan)
    api.answers = {}
    assert not resume(kubeflow, "night").plans
    start(kubeflow, plan)
    assert len(api.details) == 4


def test_an_engine_that_is_away_from_the_start_starts_nothing(
    kubeflow: Installation, api: FakeKfp
) -> None:
    plan = planned(kubeflow, 0, name="night")
    api.answers = CutOff(created=-1)
    with pytest.raises(EngineUnreachable, match="0 of the 2 runs of sweep 'night'"):
        start(kubeflow, plan)
    api.answers = {}
    assert seeds_in(show_sweep(kubeflow, "night"), None) == [0, 0]
    start(kubeflow, resume(kubeflow, "night"))
    assert len(api.details) == 2


_SWEEP = (sys.executable, "-m", "pipeline", "sweep", "--name", "night", "--no-train")


def test_a_crash_in_the_middle_loses_and_repeats_nothing(local: Installation) -> None:
    words = ["--volume", str(local.settings.volume), "--state", str(local.settings.state)]
    words += ["--model", N, "--cfg", CUSTOM, *(f"--seed={seed}" for seed in range(6))]
    process = subprocess.Popen([*_SWEEP, *words], stderr=subprocess.DEVNULL)
    until(lambda: len(launches_of(local)) >= 2, of=process, every_s=0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = launches_of(local)
    found = show_sweep(local, "night")
    assert len(found.in_state(None)) == 6 - len(before) > 0
    again = subprocess.run([*_SWEEP, *words], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{len(before)} of these 6 runs are started" in again.stderr
    assert len(launches_of(local)) == 6
    assert set(before) <= set(launches_of(local))


def test_a_run_that_was_deleted_is_missing_and_starts_anew(
    kubeflow: Installation, api: FakeKfp
) -> None:
    sweep = start(kubeflow, planned(kubeflow, 0, name="night"))
    gone = sweep.launches[Combination(S, CUSTOM, 0)]
    tell_state(api, gone, "Succeeded")
    change.delete(kubeflow, gone)
    found = show_sweep(kubeflow, "night")
    assert found.runs[Combination(S, CUSTOM, 0)].state is None
    again = start(kubeflow, resume(kubeflow, "night"))
    assert again.launches[Combination(S, CUSTOM, 0)] != gone
    assert len(api.details) == 2


def test_findings_are_said_once_and_name_what_they_are_true_of(local: Installation) -> None:
    (local.settings.volume / "cfg-bad.yaml").write_text("epochz: 3\n", encoding="utf-8")
    choices = Choices(overrides={"lr0": 0.5, "seed": 7})
    plan = prepare_sweep(local, choices, [N, "nono"], [CUSTOM, "cfg-bad"], [0, 1])
    assert not plan.ok
    told = {finding.code: finding.message for finding in plan.findings}
    messages = [finding.message for finding in plan.findings]
    assert len(messages) == len(set(messages))
    assert told["sweep-seed"] == "seed=7 gives way to the seeds of the sweep."
    assert any(message.startswith("With nono: model 'nono'") for message in messages)
    assert any(message.startswith("With cfg-bad: ") for message in messages)
    with pytest.raises(InputError, match="nothing was started") as caught:
        start(local, plan)
    assert caught.value.findings == plan.findings
    assert not launches_of(local)
    assert not (local.settings.volume / "sweeps").exists()


def test_a_seed_that_is_none_is_a_finding(local: Installation) -> None:
    plan = prepare_sweep(local, LIGHT, [N], [CUSTOM], ["first", 1])
    (wrong,) = [entry for entry in plan.findings if entry.severity == "error"]
    assert wrong.message.startswith("With seed first: ")


def test_without_seeds_the_cfg_decides(local: Installation) -> None:
    plan = prepare_sweep(local, replace(LIGHT, overrides={"seed": 5}), [N, N], [CUSTOM])
    ((combination, launch),) = plan.plans.items()
    assert combination == Combination(N, CUSTOM, None)
    assert combination.label == f"{N} · {CUSTOM}"
    assert launch.launch.choices.overrides == {"seed": 5}


@pytest.mark.parametrize(
    ("models", "seeds", "name", "code", "text"),
    [
        ([], [], "", "sweep-empty", "no model"),
        ([N], range(MAX_RUNS + 1), "", "sweep-too-large", "101 runs; at most 100"),
        ([N], [0], "../out", "sweep-name", "'../out' is no name"),
        ([N], [0], "two words", "sweep-name", "no name"),
        ([N], [0], "damaged", "sweep-record", "cannot be read"),
    ],
)
def test_what_is_no_sweep_is_said_before_anything_is_read(
    local: Installation, models: list[str], seeds: Any, name: str, code: str, text: str
) -> None:
    (local.settings.volume / "sweeps").mkdir()
    (local.settings.volume / "sweeps" / "damaged.json").write_text("{")
    plan = prepare_sweep(local, LIGHT, models, [CUSTOM], list(seeds), name=name)
    (finding,) = plan.findings
    assert (finding.code, finding.severity) == (code, "error")
    assert text in finding.message
    assert not plan.plans


def test_a_name_that_is_taken_by_another_sweep_is_refused(local: Installation) -> None:
    start(local, planned(local, 0, name="night"))
    plan = planned(local, 0, name="night", data="data-other", train=True)
    said = [entry.message for entry in plan.findings]
    assert [entry.code for entry in plan.findings] == ["sweep-exists"] * 2
    assert 'its data is "data-custom", not "data-other"' in said[0]
    assert "its train is false, not true" in said[1]
