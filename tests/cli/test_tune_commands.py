from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.core.settings import Settings
from pipeline.core.space.trials import is_asked_to_stop, write_trial
from pipeline.core.volume.run_folder import RunFolder
from tests.cli.conftest import Cli
from tests.tuned_runs import drawn_trial, leave_test, tuned_run


@pytest.fixture
def run(volume: Path, state: Path, nothing_starts: None) -> RunFolder:
    """A tuned run, in an installation of which nothing starts."""
    return tuned_run(Installation(Settings(volume=volume, state=state, user="kim")), 4)


def test_trials_are_listed_and_a_running_one_is_stopped(cli: Cli, run: RunFolder) -> None:
    said = cli("trials", run.name, "--json").json
    assert (said["trials_asked"], len(said["trials"]), said["worth"]) == (4, 4, [])
    assert said["best"] in cli("trials", run.name).out
    refused = cli("trials", run.name, "--stop", "1")
    assert refused.code == 2 and "trial-001 is done" in refused.err


@pytest.mark.usefixtures("nothing_starts")
def test_a_trial_of_a_run_that_goes_on_is_stopped(cli: Cli, volume: Path, state: Path) -> None:
    live = tuned_run(
        Installation(Settings(volume=volume, state=state, user="kim")), 2, state="running"
    )
    write_trial(live.trial_folders, drawn_trial(3, "running"))
    said = cli("trials", live.name, "--stop", "3", "--json")
    assert said.json == {"launch": live.name, "trial": "trial-003", "state": "stopping"}
    assert is_asked_to_stop(live.trial_folders / "trial-003")


def test_the_best_trial_is_adopted_after_a_look(cli: Cli, run: RunFolder, volume: Path) -> None:
    before = (volume / "cfg-custom.yaml").read_text()
    dry = cli("adopt", run.name, "--dry-run")
    assert dry.code == 0 and "+lr0:" in dry.out
    assert (volume / "cfg-custom.yaml").read_text() == before
    said = cli("adopt", run.name, "--trial", "2", "--cfg", "cfg-tuned", "--json")
    assert said.code == 0
    assert said.json["from_trial"] == f"{run.name}/trial-002"
    assert (said.json["cfg"], said.json["state"]) == ("cfg-tuned.yaml", "pending")
    tuned = RunFolder(volume / "runs" / said.json["launch"])
    leave_test(run, 0.5)
    leave_test(tuned, 0.56)
    assert "mAP50-95 on test 0.560, +0.060." in cli("trials", run.name).out
    assert cli("show", tuned.name, "--json").json["from_trial"] == f"{run.name}/trial-002"


def test_an_edited_cfg_needs_a_name(cli: Cli, run: RunFolder, volume: Path) -> None:
    cfg = volume / "cfg-custom.yaml"
    cfg.write_text(cfg.read_text() + "box: 9.0\n")
    said = cli("adopt", run.name, "--json")
    assert said.code == 3 and "box is 9.0, not 7.5" in said.json["error"]["message"]
    onto = cli("adopt", run.name, "--cfg", "cfg-custom", "--dry-run", "--json")
    assert onto.json["also_changed"] == {"box": [7.5, 9.0]}


def test_a_search_that_detected_nothing_says_so(cli: Cli, run: RunFolder) -> None:
    for number in range(1, 5):
        blank = replace(drawn_trial(number), best={"mAP50-95": 0.0})
        write_trial(run.trial_folders, blank)
    said = cli("trials", run.name)
    assert " *" not in said.out
    assert "Nothing detected yet: mAP50-95 is 0 in every trial that is over." in said.out
    assert cli("trials", run.name, "--json").json["best"] is None
    refused = cli("adopt", run.name, "--dry-run")
    assert "mAP50-95 is 0 in every trial" in refused.err and "--trial" in refused.err
    assert cli("adopt", run.name, "--trial", "2", "--dry-run").code == 0


def test_a_run_without_trials_is_said(cli: Cli, volume: Path) -> None:
    said = cli("trials", "nothing")
    assert said.code == 5 and "Traceback" not in said.err
