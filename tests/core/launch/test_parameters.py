from __future__ import annotations

import pytest

from pipeline.core.errors import InputError
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.launch.launch import Launch
from pipeline.core.launch.parameters import choices_from, defaults_of, parameters_of


def launch_of(choices: Choices) -> Launch:
    return Launch(
        id="x-abcd", choices=choices, model_path="", user="kim", created_at="", code_version=""
    )


@pytest.mark.parametrize(
    "choices",
    [
        Choices(model="a.yaml", tune=True, tune_space="s", overrides={"epochs": 2, "가": None}),
        Choices(model="best.pt", train=False, test_split="train", experiment="night"),
    ],
)
def test_what_parameters_were_made_of_can_be_read_from_them(choices: Choices) -> None:
    given = parameters_of(launch_of(choices))
    assert (given["launch"], given["user"]) == ("x-abcd", "kim")
    assert choices_from(given) == choices


def test_parameters_stand_in_the_order_that_their_kind_promises() -> None:
    assert list(defaults_of(TEST).items()) == [
        *(("model_name", "yolov8n.pt"), ("cfg", "cfg-custom"), ("data", "data-custom")),
        *(("split", "val"), ("launch", ""), ("overrides", "{}")),
        *(("experiment", "slipway"), ("user", "")),
    ]


def test_what_parameters_do_not_say_is_the_default_or_off() -> None:
    assert choices_from({"cfg": "c", "of another": "x"}) == Choices(cfg="c", train=False)


def test_overrides_that_are_not_json_are_refused() -> None:
    with pytest.raises(InputError, match="overrides is not JSON"):
        choices_from({"overrides": "{"})
