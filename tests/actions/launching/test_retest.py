"""Preparing a launch that only measures the weights of a run."""

from __future__ import annotations

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import choices_of, prepare, submit, workflow_of
from pipeline.actions.launching.retest import measured_weights, retest
from pipeline.actions.runs.find import folder_of
from pipeline.core.errors import FileMissing
from pipeline.core.files import read_json, write_json
from pipeline.core.launch.choices import Choices
from pipeline.engines.base import Run
from tests.weights_files import sound_weights

# A file begins so when torch.save has written it; preflight does not open it.
WEIGHTS = sound_weights()


@pytest.fixture
def run(here: Installation) -> Run:
    chosen = Choices(
        model="yolov8n-scratch.yaml", experiment="shapes", gpus=0, overrides={"iou": 0.6}
    )
    return submit(here, prepare(here, chosen))


def test_a_run_without_weights_cannot_be_tested(here: Installation, run: Run) -> None:
    with pytest.raises(FileMissing, match=r"no best\.pt"):
        retest(here, run.id, "data-custom", "val")


def test_the_weights_are_measured_with_the_settings_of_their_run(
    here: Installation, run: Run
) -> None:
    best = folder_of(here, run).weights("best")
    best.parent.mkdir(parents=True)
    best.write_bytes(WEIGHTS)
    plan = retest(here, run.id, "data-custom", "train")
    assert plan.ok, plan.findings
    chosen = plan.launch.choices
    assert chosen.model == f"runs/{run.launch}/train/weights/best.pt"
    assert (chosen.train, chosen.tune, chosen.test_split) == (False, False, "train")
    assert (chosen.experiment, chosen.overrides) == ("shapes", {"iou": 0.6})
    assert plan.launch.cloned_from == run.launch
    steps = {
        entry["name"] for entry in workflow_of(here.settings, plan.launch)["spec"]["templates"]
    }
    assert {"verify", "test"} < steps
    assert not {"train", "tune", "plot"} & steps
    again = submit(here, plan)
    assert choices_of(here, again) == chosen
    assert [step.name for step in again.steps] == ["volume-mount", "verify", "test", "notify"]


def test_a_split_or_data_that_is_not_there_is_found(here: Installation, run: Run) -> None:
    best = folder_of(here, run).weights("best")
    best.parent.mkdir(parents=True)
    best.write_bytes(WEIGHTS)
    assert not retest(here, run.id, "data-custom", "holdout").ok
    assert not retest(here, run.id, "no-such-data", "val").ok


def test_what_a_test_alone_measured_can_be_measured_again(here: Installation, run: Run) -> None:
    best = folder_of(here, run).weights("best")
    best.parent.mkdir(parents=True)
    best.write_bytes(WEIGHTS)
    again = submit(here, retest(here, run.id, "data-custom", "train"))
    plan = retest(here, again.id, "data-custom", "val")
    assert plan.ok, plan.findings
    assert plan.launch.choices.model == f"runs/{run.launch}/train/weights/best.pt"
    assert plan.launch.cloned_from == again.launch
    best.unlink()
    with pytest.raises(FileMissing, match=r"no best\.pt"):
        retest(here, again.id, "data-custom", "val")


@pytest.mark.parametrize("given", ["../../etc/passwd", "", 5, None, "x" * 5000])
def test_a_damaged_record_names_no_weights(here: Installation, run: Run, given: object) -> None:
    folder = folder_of(here, run)
    document = read_json(folder.launch, None)
    choices = document["choices"] | {"train": False, "test_split": "val"}
    write_json(folder.launch, document | {"choices": choices, "model_path": given})
    assert measured_weights(here.volume, folder) is None
    folder.launch.unlink()
    assert measured_weights(here.volume, folder) is None
