"""A sweep's runs: which there are, what a row comes to, stopping and retrying them together."""

from __future__ import annotations

import time

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.sweep import start
from pipeline.actions.runs import page as run_list
from pipeline.actions.runs.sweep_runs import retry_failed, show_sweep, stop_all
from pipeline.core.errors import EngineUnreachable, NotFound
from pipeline.core.launch.sweep import Combination, list_sweeps, load_sweep, new_sweep_name
from pipeline.core.volume.run_folder import RunFolder, run_folder
from tests.actions.sweeps import CUSTOM, N, kfp_id, planned, tell_state
from tests.engines.kubeflow.fake_api import FakeKfp


def test_the_list_has_the_newest_first_and_names_what_is_damaged(local: Installation) -> None:
    for name in ("first", "second"):
        start(local, planned(local, 0, name=name))
        time.sleep(0.002)
    volume = local.volume
    (local.settings.volume / "sweeps" / "bad.json").write_text('{"schema": 9}')
    found, wrong = list_sweeps(volume)
    assert [sweep.name for sweep in found] == ["second", "first"]
    assert "schema 9" in wrong[0].message
    assert load_sweep(volume, "first") == found[1]
    with pytest.raises(NotFound, match="no sweep 'third'"):
        load_sweep(volume, "third")
    assert new_sweep_name() != new_sweep_name()


def test_a_row_is_the_mean_of_what_is_done(kubeflow: Installation, api: FakeKfp) -> None:
    sweep = start(kubeflow, planned(kubeflow, 0, 1, 2, name="night"))
    values = iter((0.4, 0.6, 0.9))
    for combination, launch in sweep.launches.items():
        if combination.model == N:
            tell_state(api, launch, "Running" if combination.seed == 2 else "Succeeded")
            _trained(run_folder(kubeflow.volume, launch), next(values))
    found = show_sweep(kubeflow, "night")
    row, other = found.rows
    assert (row.model, row.runs, row.done) == (N, 3, 2)
    assert (row.mean, row.std) == (pytest.approx(0.5), pytest.approx(0.1414, abs=1e-4))
    assert (other.mean, other.std, other.done) == (None, None, 0)
    assert [run.best for run in found.runs.values()][:3] == [0.4, 0.6, 0.9]
    combination, first = next(iter(found.runs.items()))
    assert combination == Combination(N, CUSTOM, 0)
    assert (first.state, first.best) == ("succeeded", 0.4)


def test_seeds_of_two_scales_of_one_architecture_are_two_experiments(local: Installation) -> None:
    start(local, planned(local, 0, 1))
    rows = run_list.page_of(local, {}, joins_seeds=True).rows
    assert [len(row.members) for row in rows] == [2, 2]


def test_stopping_and_retrying_reach_all_runs_that_it_fits(
    kubeflow: Installation, api: FakeKfp
) -> None:
    sweep = start(kubeflow, planned(kubeflow, 0, 1, name="night"))
    ids = {launch: kfp_id(api, launch) for launch in sweep.launches.values()}
    done, failed, *live = ids
    tell_state(api, done, "Succeeded")
    tell_state(api, failed, "Failed")
    api.requests.clear()
    stop_all(kubeflow, "night")
    asked = [path for method, path, _ in api.requests if path.endswith("/terminate")]
    assert sorted(asked) == sorted(f"/apis/v1beta1/runs/{ids[run]}/terminate" for run in live)
    retry_failed(kubeflow, "night")
    retried = [path for _, path, _ in api.requests if path.endswith("/retry")]
    assert retried == [f"/apis/v1beta1/runs/{ids[failed]}/retry"]


def test_stopping_says_how_many_were_not(kubeflow: Installation, api: FakeKfp) -> None:
    sweep = start(kubeflow, planned(kubeflow, 0, name="night"))
    first = kfp_id(api, next(iter(sweep.launches.values())))
    api.answers["POST", f"/apis/v1beta1/runs/{first}/terminate"] = (503, b"down")
    with pytest.raises(EngineUnreachable, match="1 of 2 runs were asked to stop"):
        stop_all(kubeflow, "night")


def _trained(folder: RunFolder, best: float) -> None:
    folder.results.parent.mkdir(parents=True, exist_ok=True)
    folder.results.write_text(f"epoch,time,metrics/mAP50-95(B)\n1,1.0,{best}\n")
