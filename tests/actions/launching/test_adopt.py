"""From a trial to a run with its values, on real run folders; nothing is trained."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.adopt import adopt, train_adopted
from pipeline.actions.runs.details import show
from pipeline.actions.runs.find import record_of
from pipeline.actions.runs.lineage import lineage
from pipeline.actions.runs.rows import listing
from pipeline.core.errors import FileChanged, FileMissing, InputError
from pipeline.core.launch.launch import Launch
from pipeline.core.space.trials import write_trial
from pipeline.core.versions.editing import open_text
from pipeline.core.versions.history import list_versions
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.server import tracking_uri
from pipeline.tracking.writer import track
from tests.tuned_runs import drawn_trial, tuned_run

CFG = "cfg-custom.yaml"


@pytest.fixture
def run(here: Installation) -> RunFolder:
    """A tuned run whose cfg names an optimizer."""
    return tuned_run(here, 4)


def launched(here: Installation, launch: str) -> tuple[RunFolder, Launch]:
    folder = RunFolder(here.settings.volume / "runs" / launch)
    record = record_of(folder)
    assert record is not None
    return folder, record


def test_the_best_trial_becomes_a_version_of_the_cfg_and_a_full_run(
    here: Installation, run: RunFolder
) -> None:
    made = adopt(here, run.name)
    best = made.trial
    assert best.state == "done" and made.plan.ok and not made.also_changed
    assert f"+lr0: {best.values['lr0']}" in made.diff
    assert not list_versions(here.volume, CFG)  # nothing is written yet

    started = train_adopted(here, made)
    folder, record = launched(here, started.launch)
    cfg = load_yaml(folder.cfg).data
    assert cfg == cfg | dict(best.values) | {"epochs": 6}
    choices = record.choices
    assert (choices.cfg, choices.train, choices.tune) == ("cfg-custom", True, False)
    assert choices.overrides == {"epochs": 6}
    assert record.from_trial == f"{run.name}/{best.name}"
    saved = list_versions(here.volume, CFG)[0]
    assert saved.message == f"values of {run.name}/{best.name}" and saved.user == "kim"
    assert [step.name for step in started.steps if step.name == "test"] == ["test"]
    assert record.sha256["cfg"] == saved.sha256


def test_the_same_adoption_twice_is_one_run(here: Installation, run: RunFolder) -> None:
    made = adopt(here, run.name)
    assert train_adopted(here, made).id == train_adopted(here, made).id
    assert len(listing(here).rows) == 2
    assert not adopt(here, run.name).diff


def test_a_cfg_that_was_edited_since_is_not_taken_without_a_word(
    here: Installation, run: RunFolder
) -> None:
    path = here.settings.volume / CFG
    path.write_text(path.read_text() + "box: 9.0\n")
    with pytest.raises(FileChanged, match=r"edited since .*: box is 9\.0, not 7\.5"):
        adopt(here, run.name)
    onto = adopt(here, run.name, cfg="cfg-custom")
    assert onto.also_changed == {"box": (7.5, 9.0)} and "box: 9.0" in onto.text
    beside = adopt(here, run.name, cfg="cfg-tuned")
    assert not beside.also_changed and "box: 9.0" not in beside.text
    started = train_adopted(here, beside, "the first tuned one")
    folder, record = launched(here, started.launch)
    assert record.choices.cfg == "cfg-tuned" and record.choices.overrides == {}
    assert load_yaml(folder.cfg).data["epochs"] == 6
    assert list_versions(here.volume, "cfg-tuned.yaml")[0].message == ("the first tuned one")


def test_epochs_are_those_of_the_launch_whatever_the_cfg_says_by_now(here: Installation) -> None:
    path = here.settings.volume / CFG
    path.write_text("epochs: 3\noptimizer: SGD\n")
    run = tuned_run(here, 2)
    record = launched(here, run.name)[1]
    replace(record, choices=replace(record.choices, overrides={})).save(run.launch)
    path.write_text("epochs: 30\noptimizer: SGD\n")
    made = adopt(here, run.name)
    assert made.plan.launch.choices.overrides == {"epochs": 6}


def test_a_cfg_that_changes_while_somebody_looks_is_not_overwritten(
    here: Installation, run: RunFolder
) -> None:
    made = adopt(here, run.name)
    (here.settings.volume / CFG).write_text("epochs: 1\n")
    with pytest.raises(FileChanged):
        train_adopted(here, made)
    assert open_text(here.volume, CFG)[0] == "epochs: 1\n"
    assert len(listing(here).rows) == 1


def test_rates_come_with_the_optimizer_that_they_were_found_for(here: Installation) -> None:
    cfg = here.settings.volume / CFG
    cfg.write_text("epochs: 3\noptimizer: auto\n")
    made = adopt(here, tuned_run(here, 3).name)
    assert made.values["optimizer"] == "AdamW"
    assert made.values["lr0"] == made.trial.values["lr0"]
    assert made.values["momentum"] == 0.9


def test_a_cfg_that_is_gone_can_be_saved_under_a_new_name(
    here: Installation, run: RunFolder
) -> None:
    (here.settings.volume / CFG).unlink()
    with pytest.raises(FileMissing, match="is gone"):
        adopt(here, run.name)
    made = adopt(here, run.name, cfg="cfg-again")
    started = train_adopted(here, made)
    assert launched(here, started.launch)[1].choices.cfg == "cfg-again"


@pytest.mark.parametrize("name", ["data-custom.yaml", "tune-it", "../cfg-x"])
def test_a_name_that_cannot_be_a_new_cfg_is_refused(
    here: Installation, run: RunFolder, name: str
) -> None:
    with pytest.raises(InputError):
        train_adopted(here, adopt(here, run.name, cfg=name))
    assert len(listing(here).rows) == 1


def test_a_trial_without_a_result_is_refused(here: Installation, run: RunFolder) -> None:
    write_trial(run.trial_folders, replace(drawn_trial(4), state="failed", error="why"))
    with pytest.raises(InputError, match="trial-004 is failed"):
        adopt(here, run.name, "4")
    with pytest.raises(FileMissing, match="no trial 'x'"):
        adopt(here, run.name, "x")


def test_what_stops_a_launch_leaves_the_cfg_alone(here: Installation, run: RunFolder) -> None:
    (here.settings.volume / "data-custom.yaml").unlink()
    made = adopt(here, run.name)
    with pytest.raises(InputError, match="has errors"):
        train_adopted(here, made)
    assert not list_versions(here.volume, CFG)


def test_the_origin_is_told_both_ways_and_to_mlflow(here: Installation, run: RunFolder) -> None:
    started = train_adopted(here, adopt(here, run.name, "2"))
    folder, record = launched(here, started.launch)
    origin = lineage(here, run)
    assert origin and dict(origin.of_its_trials) == {started.launch: "trial-002"}
    assert show(here, started.launch).facts.from_trial == f"{run.name}/trial-002"
    track(folder, here.settings)
    tags = mlflow_client(tracking_uri(here.settings)).get_run(
        json.loads(folder.mlflow.read_text())["run_id"]
    )
    assert tags.data.tags["slipway.from_trial"] == record.from_trial
