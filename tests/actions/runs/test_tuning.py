from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.runs.tuning import (
    differing_values,
    stop_trial,
    trial_curves,
    tuning,
    tuning_of_run,
)
from pipeline.core.errors import FileMissing, InputError, UsageError
from pipeline.core.space.trials import Trial, is_asked_to_stop, write_trial
from pipeline.core.volume.run_folder import RunFolder
from tests.tuned_runs import CURRENT, drawn_trial, space_of, tuned_run, write_results


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A search that has only begun."""
    made = RunFolder(tmp_path / "run")
    write_trial(made.trial_folders, replace(drawn_trial(1), state="running"))
    made.tune_space.write_text(space_of(9).dump())
    return made


def test_a_finished_search_says_what_was_best_what_was_before_and_what_mattered(
    here: Installation,
) -> None:
    run = tuned_run(here, 12)
    _, folder, found = tuning_of_run(here, run.name[:-1])
    assert folder.name == run.name and len(found.trials) == found.asked == 12
    assert found.best and found.best.score(found.metric) == max(
        trial.score(found.metric) or 0 for trial in found.trials if trial.state == "done"
    )
    assert dict(found.current) == CURRENT
    assert found.first_score == found.trials[0].score("mAP50-95")
    assert set(found.importance) == set(CURRENT)
    assert sum(found.importance.values()) == pytest.approx(1, abs=0.01)
    assert found.log_scaled == {"lr0"}


def test_where_nothing_was_detected_no_trial_is_best(folder: RunFolder) -> None:
    assert not tuning(folder, is_over=False).is_blank  # type: ignore[union-attr]
    for number in (1, 2):
        trial = replace(drawn_trial(number), best={"mAP50-95": 0.0})
        write_trial(folder.trial_folders, trial)
    found = tuning(folder, is_over=True)
    assert found and found.is_blank and found.best is None
    with pytest.raises(FileMissing, match="mAP50-95 is 0 in every trial"):
        found.named("")
    assert found.named("2").name == "trial-002"
    write_trial(folder.trial_folders, replace(drawn_trial(3), best={"mAP50-95": 0.001}))
    found = tuning(folder, is_over=True)
    assert found and found.best and found.best.name == "trial-003" and not found.is_blank


def test_before_the_first_trial_is_over_the_space_says_what_is_searched(folder: RunFolder) -> None:
    found = tuning(folder, is_over=False)
    assert found and (found.metric, found.asked, found.best) == ("mAP50-95", 9, None)
    assert found.settings == tuple(CURRENT)
    with pytest.raises(FileMissing, match="no trial has come to its end"):
        found.named("")


def test_a_run_without_trials_says_how_to_get_some(here: Installation) -> None:
    run = tuned_run(here, 1)
    (run.trial_folders / "trial-001" / "trial.json").unlink()
    run.tune.unlink()
    with pytest.raises(FileMissing, match="has no trials") as reason:
        tuning_of_run(here, run.name)
    assert "--tune" in reason.value.next


def test_a_trial_whose_step_was_killed_does_not_run(folder: RunFolder) -> None:
    found = tuning(folder, is_over=True)
    assert found and found.trials[0].state == "interrupted"


def test_a_damaged_outcome_is_said(folder: RunFolder) -> None:
    folder.tune.write_text("{")
    with pytest.raises(InputError, match=r"tune\.json cannot be read"):
        tuning(folder, is_over=False)


def test_a_running_trial_is_asked_to_stop_and_no_other(folder: RunFolder) -> None:
    write_trial(folder.trial_folders, drawn_trial(2))
    found = tuning(folder, is_over=False)
    assert found and not found.stopping
    with pytest.raises(UsageError, match="trial-002 is done"):
        stop_trial(folder, found.named("2"))
    stop_trial(folder, found.named("1"))
    assert is_asked_to_stop(folder.trial_folders / "trial-001")
    again = tuning(folder, is_over=False)
    assert again and again.stopping == {"trial-001"}


def test_a_volume_that_does_not_take_the_wish_says_so(folder: RunFolder) -> None:
    (folder.trial_folders / "trial-001" / "stop").mkdir()
    with pytest.raises(InputError, match="trial-001 cannot be stopped: Is a directory"):
        stop_trial(folder, Trial("trial-001"))


def test_curves_are_by_metric_and_a_torn_line_is_left_out(folder: RunFolder) -> None:
    write_results(folder, "trial-001")
    with open(folder.trial_folders / "trial-001" / "results.csv", "a") as file:
        file.write("5,50,0.1")
    found = trial_curves(folder, ["trial-001", "trial-002"])
    assert set(found) == {"mAP50-95", "train/box_loss"}
    assert found["train/box_loss"] == {"trial-001": [2.0, 1.0, 2 / 3, 0.5]}


def test_trials_are_compared_by_what_differs() -> None:
    one = Trial("trial-001", values={"lr0": 0.1, "scale": 0.5})
    other = Trial("trial-002", values={"lr0": 0.2, "scale": 0.5})
    assert differing_values([one, other]) == {"lr0": {"trial-001": 0.1, "trial-002": 0.2}}
