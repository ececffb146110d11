from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.files import write_json
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.build import BUILD
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.launch.kinds.registry import (
    KINDS,
    all_choices,
    kind_of,
    kind_with,
    made,
    results,
    step_names,
)
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.launch.kinds.train import TRAIN
from pipeline.core.volume.run_folder import RunFolder


@pytest.mark.parametrize(
    ("choices", "kind"),
    [
        (Choices(), TRAIN),
        (Choices(train=False), TRAIN),
        (Choices(test_split="val"), TEST),
        (Choices(build=True), BUILD),
    ],
)
def test_choices_say_which_kind_they_ask_for(choices: Choices, kind: LaunchKind) -> None:
    assert kind_of(choices) is kind


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_is_known_by_its_defaults_and_by_its_steps(kind: LaunchKind) -> None:
    assert kind_of(kind.defaults) is kind
    assert kind_with([*(step.name for step in kind.steps), "notify"]) is kind


def test_a_pipeline_from_elsewhere_is_of_no_kind() -> None:
    assert kind_with(["fetch", "train"]) is None


def test_steps_stand_in_the_order_in_which_they_run_the_exit_handler_last() -> None:
    whole = ["volume-mount", "verify", "distribution", "plot", "train", "test", "tune"]
    assert list(step_names()) == [*whole, "build", "notify"]


def test_a_record_of_an_older_or_newer_slipway_is_read() -> None:
    assert made({"model": "a.pt", "tolerations": ["a:NoSchedule"], "later": 1}) == Choices(
        model="a.pt", tolerations=("a:NoSchedule",)
    )


def test_what_a_run_is_for_is_empty_until_its_step_has_written_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert results(folder) == {"build": {}}
    write_json(folder.result("build"), {"layers": 3})
    assert results(folder) == {"build": {"layers": 3}}


def test_no_two_choices_share_a_flag_or_a_parameter() -> None:
    for names in zip(*((entry.flag, entry.parameter) for entry in all_choices()), strict=True):
        given = [name for name in names if name]
        assert len(given) == len(set(given))
