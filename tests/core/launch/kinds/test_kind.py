from __future__ import annotations

import pytest

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.build import BUILD
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.launch.kinds.train import TRAIN


def test_a_kind_takes_its_parameters_its_switch_and_what_pods_ask_for() -> None:
    assert TRAIN.takes("tune") and TRAIN.takes("gpus") and not TRAIN.takes("test_split")
    assert TEST.takes("test_split") and not TEST.takes("train")
    assert BUILD.takes("build") and BUILD.takes("name") and not BUILD.takes("data")


@pytest.mark.parametrize(
    ("choices", "off"),
    [
        (Choices(tune=True), set()),
        (Choices(), {"tune"}),
        (Choices(train=False), {"train", "test", "tune"}),
    ],
)
def test_switches_take_steps_away_from_a_training(choices: Choices, off: set[str]) -> None:
    assert TRAIN.off(choices) == off


def test_a_test_of_weights_leaves_no_step_out() -> None:
    assert TEST.off(Choices(train=False, test_split="val")) == set()


def test_a_test_made_of_a_training_keeps_what_it_takes_of_it() -> None:
    base = Choices(cfg="c", tune=True, tune_space="s", gpus=2, overrides={"iou": 0.5})
    assert TEST.made_of(base, model="best.pt", test_split="test") == Choices(
        model="best.pt",
        cfg="c",
        train=False,
        gpus=2,
        overrides={"iou": 0.5},
        test_split="test",
    )
