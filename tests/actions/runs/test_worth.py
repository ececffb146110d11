from __future__ import annotations

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.adopt import adopt, train_adopted
from pipeline.actions.launching.launches import choices_of, prepare, submit
from pipeline.actions.runs.find import find
from pipeline.actions.runs.worth import worth_of
from pipeline.core.launch.choices import Choices
from pipeline.core.volume.run_folder import RunFolder
from tests.tuned_runs import leave_test, tuned_run


@pytest.fixture
def pair(here: Installation) -> tuple[RunFolder, RunFolder]:
    """A run that was tuned, and the one that has its best trial's values."""
    (here.settings.volume / "cfg-custom.yaml").write_text("epochs: 6\noptimizer: SGD\n")
    baseline = tuned_run(here, 4)
    started = train_adopted(here, adopt(here, baseline.name))
    return baseline, RunFolder(here.settings.volume / "runs" / started.launch)


def again(here: Installation, run: RunFolder, seed: int) -> RunFolder:
    """Launch a run again with another seed; its tuning is not repeated."""
    choices = choices_of(here, find(here, run.name))
    kept = {**choices.overrides, "seed": seed}
    changed = Choices(model=choices.model, cfg=choices.cfg, data=choices.data, overrides=kept)
    return RunFolder(here.settings.volume / "runs" / submit(here, prepare(here, changed)).launch)


def test_until_both_are_tested_nothing_is_claimed(pair: tuple[RunFolder, RunFolder]) -> None:
    baseline, tuned = pair
    leave_test(baseline, 0.5)
    (worth,) = worth_of(tuned)
    assert not worth.is_measured and worth.difference() is None and worth.spread() is None


def test_both_runs_say_the_same_difference(pair: tuple[RunFolder, RunFolder]) -> None:
    baseline, tuned = pair
    leave_test(baseline, 0.5, {"circle": 0.4, "star": 0.6})
    leave_test(tuned, 0.56, {"circle": 0.5, "star": 0.62})
    assert worth_of(tuned) == worth_of(baseline)
    (worth,) = worth_of(tuned)
    assert (worth.trial, worth.is_same_data) == (worth.trial, True)
    assert worth.difference() == pytest.approx(0.06)
    assert worth.spread() is None  # one seed says nothing about chance
    assert worth.tuned.classes["circle"] == (0.5, 0.0)
    assert worth.baseline.runs == (baseline.name,)


def test_runs_with_other_seeds_count_with_either(
    here: Installation, pair: tuple[RunFolder, RunFolder]
) -> None:
    baseline, tuned = pair
    leave_test(baseline, 0.5)
    leave_test(tuned, 0.56)
    second_baseline = again(here, baseline, 1)
    # Its cfg has the trial's values by now: a repeat of the tuned run, by what it trains with.
    second_tuned = again(here, tuned, 2)
    leave_test(second_baseline, 0.58)
    leave_test(second_tuned, 0.58)
    (worth,) = worth_of(tuned)
    assert set(worth.tuned.runs) == {tuned.name, second_baseline.name, second_tuned.name}
    assert worth.tuned.metrics["mAP50-95"][0] == pytest.approx((0.56 + 0.58 + 0.58) / 3)
    assert worth.spread() == pytest.approx(worth.tuned.metrics["mAP50-95"][1])


def test_another_split_is_no_comparison(pair: tuple[RunFolder, RunFolder]) -> None:
    baseline, tuned = pair
    leave_test(baseline, 0.5)
    leave_test(tuned, 0.56)
    tuned.test_metrics.write_text(tuned.test_metrics.read_text().replace('"test"', '"val"'))
    assert not worth_of(tuned)[0].is_same_data


def test_a_run_without_tuning_has_nothing_to_say(here: Installation) -> None:
    run = submit(here, prepare(here, Choices(model="yolov8n-scratch.yaml")))
    assert worth_of(RunFolder(here.settings.volume / "runs" / run.launch)) == []
    assert worth_of(RunFolder(here.settings.volume / "runs" / "nothing")) == []
