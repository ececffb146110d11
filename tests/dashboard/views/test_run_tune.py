"""The Tune tab of a run, and the way from a trial to a trained detector."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.actions.installation import Installation
from pipeline.actions.launching import launches
from pipeline.actions.launching.adopt import adopt, train_adopted
from pipeline.actions.runs.rows import listing
from pipeline.actions.runs.tuning import tuning
from pipeline.core.launch.choices import Choices
from pipeline.core.space.trials import is_asked_to_stop, write_trial
from pipeline.core.volume.run_folder import RunFolder
from tests.dashboard.pages import click, open_page, text_of
from tests.dashboard.views.test_run import run_page
from tests.tuned_runs import CURRENT, drawn_trial, leave_test, tuned_run


@pytest.fixture
def folder(here: Installation) -> RunFolder:
    """A run whose tuning of 12 trials is over."""
    return tuned_run(here, 12)


def tune_tab(folder: RunFolder, **query: str) -> AppTest:
    return open_page(run_page, tab="Tune", run=folder.name, **query)


def metrics_of(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_the_open_tab_is_in_the_url_so_that_a_link_or_a_reload_opens_it_again(
    folder: RunFolder,
) -> None:
    chosen = tune_tab(folder)
    assert chosen.query_params["tab"] == ["Tune"]
    again = AppTest.from_function(run_page, default_timeout=60)
    again.query_params.update(run=folder.name, tab="Tune")
    assert len(again.run().dataframe[0].value) == 12
    again.query_params["tab"] = "Nonsense"
    assert not again.run().exception


def test_the_tab_says_what_was_best_and_lists_every_trial(folder: RunFolder) -> None:
    page = tune_tab(folder)
    found = tuning(folder, is_over=True)
    assert found and found.best
    shown = metrics_of(page)
    assert (shown["Best trial"], shown["Trials"]) == (found.best.name, "12 / 12")
    table = page.dataframe[0].value.set_index("trial")
    assert f"{found.best.name} ★" in table.index and len(table) == 12
    assert table.loc["trial-005", "state"] == "▽ ended early"
    assert table.loc["trial-005", "why"] == "behind the others after 2 epochs."
    assert dict(table.loc["trial-001", list(CURRENT)]) == CURRENT


@pytest.mark.parametrize("part", ["Parallel", "Importance", "Values", "Epochs", "Differences"])
def test_every_part_shows_something(folder: RunFolder, part: str) -> None:
    page = tune_tab(folder, tune_part=part)
    assert not page.error and not page.info
    assert len(page.get("plotly_chart")) + len(page.dataframe) == 2


def test_importance_of_few_trials_is_called_a_hint(folder: RunFolder) -> None:
    assert "By 12 trials only a hint." in text_of(tune_tab(folder, tune_part="Importance"))


def test_ticked_trials_are_in_the_link_and_compared_by_what_differs(folder: RunFolder) -> None:
    page = tune_tab(folder, tune_part="Differences", trials="trial-002,trial-004")
    table = page.dataframe[1].value.set_index("setting")
    assert list(table.columns) == ["trial-002", "trial-004"]
    assert "mAP50-95" in table.index and "lr0" in table.index


def test_a_run_that_goes_on_offers_to_stop_its_trial(here: Installation) -> None:
    folder = tuned_run(here, 2, state="running")
    write_trial(folder.trial_folders, drawn_trial(3, "running"))
    page = click(tune_tab(folder), "tune.stop.trial-003")
    assert is_asked_to_stop(folder.trial_folders / "trial-003")
    assert page.toast[0].value == "trial-003 ends after the epoch that it trains."
    again = tune_tab(folder)
    assert again.button(key="tune.stop.trial-003").disabled
    assert list(again.dataframe[0].value["state"])[-1] == "● stopping"


def test_a_run_without_trials_says_why(here: Installation) -> None:
    plain = launches.submit(here, launches.prepare(here, Choices(model="yolov8n-scratch.yaml")))
    page = open_page(run_page, tab="Tune", run=plain.launch)
    assert "does not tune" in text_of(page)
    tunes = Choices(model="yolov8n-scratch.yaml", tune=True)
    waiting = launches.submit(here, launches.prepare(here, tunes))
    page = open_page(run_page, tab="Tune", run=waiting.launch)
    assert "appear here when the tune step runs" in text_of(page)


def test_a_search_in_which_every_trial_failed_still_shows_why(here: Installation) -> None:
    folder = tuned_run(here, 1, state="failed")
    failed = replace(drawn_trial(1), state="failed", best={}, error="out of memory: no more")
    write_trial(folder.trial_folders, failed)
    page = tune_tab(folder)
    assert list(page.dataframe[0].value["why"]) == ["out of memory: no more"]
    assert metrics_of(page)["Best trial"] == "–"
    assert "tune.adopt_best" not in {button.key for button in page.button}


def test_a_search_that_detected_nothing_names_no_best_trial(here: Installation) -> None:
    folder = tuned_run(here, 2)
    for number in (1, 2):
        blank = replace(drawn_trial(number), best={"mAP50-95": 0.0})
        write_trial(folder.trial_folders, blank)
    page = tune_tab(folder)
    assert "Nothing detected yet: mAP50-95 is 0 in every trial that is over" in text_of(page)
    assert metrics_of(page)["Best trial"] == "–"
    assert not any("★" in name for name in page.dataframe[0].value["trial"])
    assert "tune.adopt_best" not in {button.key for button in page.button}


def test_the_best_trial_becomes_a_run_by_two_clicks(here: Installation, folder: RunFolder) -> None:
    page = click(tune_tab(folder), "tune.adopt_best")
    assert "+lr0:" in text_of(page)
    page.button(key="adopt_now").click().run()
    newest = listing(here).rows[0].facts
    assert newest.from_trial.startswith(f"{folder.name}/trial-")
    origin = open_page(run_page, tab="Origin", run=newest.launch)
    trial = newest.from_trial.rpartition("/")[2]
    assert f"Values of {trial} of {folder.name}" in {button.label for button in origin.button}
    back = open_page(run_page, tab="Origin", run=folder.name)
    assert f"Values of its {trial} in {newest.launch}" in {b.label for b in back.button}


def test_a_cfg_that_was_edited_since_is_said_and_a_new_one_offered(
    here: Installation, folder: RunFolder
) -> None:
    cfg = here.settings.volume / "cfg-custom.yaml"
    cfg.write_text(cfg.read_text() + "box: 9.0\n")
    page = click(tune_tab(folder), "tune.adopt_best")
    assert "box is 9.0, not 7.5" in page.warning[0].value
    assert page.text_input(key="adopt_cfg").value == "cfg-custom-tuned"
    page.button(key="adopt_now").click().run()
    assert listing(here).rows[0].facts.cfg == "cfg-custom-tuned"


def test_both_runs_say_what_tuning_was_worth(here: Installation, folder: RunFolder) -> None:
    launch = train_adopted(here, adopt(here, folder.name)).launch
    tuned = RunFolder(here.settings.volume / "runs" / launch)
    assert "known when it is tested" in text_of(tune_tab(tuned))
    leave_test(folder, 0.5, {"circle": 0.4})
    leave_test(tuned, 0.56, {"circle": 0.45})
    for run in (folder, tuned):
        page = tune_tab(run)
        said = text_of(page)
        assert "**+0.060** against 0.500" in said and "One run each" in said
        assert metrics_of(page)["mAP50"] == "0.760"
        assert page.button(key=f"tune.compare.{launch}")
