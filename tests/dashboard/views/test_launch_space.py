"""The search space on the launch page: to look at, to change, and never lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import preferences
from pipeline.core.launch.choices import Choices
from pipeline.core.space.text import inline, read_inline
from tests.dashboard.pages import open_app, text_of
from tests.dashboard.views.test_launch import launch_of

FIELD = "form.tune_space"
BOX = {"space": {"box": {"low": 5.0, "high": 9.0}}, "trials": 3}


def field(*parts: str) -> str:
    return ".".join(["space", *parts, "launch"])


def open_tuning(**query: str | list[str]) -> AppTest:
    return open_app(tune="True", **query)


def space_of(page: AppTest) -> dict[str, Any]:
    """Give the search space that the Launch button would start with."""
    return read_inline(launch_of(page).choices.tune_space).data


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def fix(page: AppTest, label: str) -> AppTest:
    """Click a button of a finding."""
    return next(b for b in page.button if b.label == f":blue[{label}]").click().run()


def test_the_section_comes_and_goes_with_tuning(installation: Path) -> None:
    page = open_app()
    assert "Search space" not in text_of(page)
    page.toggle(key="form.tune").set_value(True).run()
    assert "**Search space** :gray[8 settings]" in text_of(page)
    assert "4 trials × 5 epochs: at most the work of 20 epochs, on top of the training's 24" in (
        text_of(page)
    )
    assert launch_of(page).choices.tune_space == ""
    page.toggle(key="form.tune").set_value(False).run()
    assert "**Search space**" not in text_of(page)


def test_a_search_of_one_epoch_is_counted_in_the_singular(installation: Path) -> None:
    page = open_tuning(tune_space=inline({**BOX, "trials": 1, "epochs": 1}), set="epochs=1")
    said = "1 trial × 1 epoch: at most the work of 1 epoch, on top of the training's 1 epoch."
    assert said in text_of(page)


def test_a_changed_end_makes_the_space_the_launchs_own(installation: Path) -> None:
    page = open_tuning()
    assert page.text_input(key=field("field", "lr0", "low")).value == "0.001"
    page.text_input(key=field("field", "lr0", "low")).set_value("1e-4").run()
    assert space_of(page)["space"]["lr0"] == {"low": 1e-4, "high": 0.009, "scale": "log"}
    assert launch_of(page).choices.tune and "changed for this launch" in str(
        page.selectbox(key=FIELD).options
    )
    page.number_input(key=field("search", "trials")).set_value(9).run()
    again = open_app(**dict(page.query_params.items()))
    assert again.text_input(key=field("field", "lr0", "low")).value == "0.0001"
    assert space_of(again)["trials"] == 9
    assert not again.exception and "Ready" in text_of(again)


def test_a_look_at_another_space_does_not_lose_what_was_typed(installation: Path) -> None:
    page = open_tuning()
    page.text_input(key=field("field", "lr0", "low")).set_value("1e-4").run()
    own = launch_of(page).choices.tune_space
    page.selectbox(key=FIELD).set_value("").run()
    assert launch_of(page).choices.tune_space == ""
    page.selectbox(key=FIELD).set_value(own).run()
    assert launch_of(page).choices.tune_space == own


def test_what_is_no_number_is_kept_and_named(installation: Path) -> None:
    page = open_tuning(tune_space=inline(BOX))
    page.text_input(key=field("field", "box", "low")).set_value("five").run()
    assert page.text_input(key=field("field", "box", "low")).value == "five"
    assert "needs low and high as numbers" in text_of(page)
    assert page.button(key="launch.submit").disabled
    page.text_input(key=field("field", "box", "low")).set_value("[").run()
    assert page.text_input(key=field("field", "box", "low")).value == "["
    assert not page.exception


def test_settings_are_added_from_a_list_and_removed(installation: Path) -> None:
    page = open_tuning(tune_space=inline(BOX))
    adding = page.selectbox(key=field("add"))
    assert not [option for option in adding.options if option.startswith(("box ", "device "))]
    adding.set_value("optimizer").run()
    adding = page.selectbox(key=field("add"))
    assert adding.value is None
    adding.set_value("cls").run()
    assert list(space_of(page)["space"]) == ["box", "optimizer", "cls"]
    assert "AdamW" in page.multiselect(key=field("span3", "optimizer")).value
    page.multiselect(key=field("span3", "optimizer")).set_value(["SGD", "AdamW"]).run()
    assert space_of(page)["space"]["optimizer"] == {"choices": ["SGD", "AdamW"]}
    page.button(key=field("field", "cls", "remove")).click().run()
    assert list(space_of(page)["space"]) == ["box", "optimizer"]


def test_a_preset_is_one_click_and_holds_the_current_values(installation: Path) -> None:
    page = open_tuning(tune_space=inline(BOX))
    page.button(key=field("preset", "loss weights")).click().run()
    assert set(space_of(page)["space"]) == {"box", "cls", "dfl"}
    assert space_of(page)["trials"] == 3
    assert "Ready" in text_of(page)


def test_the_scale_is_chosen(installation: Path) -> None:
    page = open_tuning(tune_space=inline(BOX))
    page.selectbox(key=field("field", "box", "scale")).set_value("choices").run()
    assert space_of(page)["space"]["box"] == {"choices": [5.0, 7.5, 9.0]}
    page.multiselect(key=field("span2", "box")).set_value(["5", "8.5"]).run()
    assert space_of(page)["space"]["box"] == {"choices": [5, 8.5]}
    page.selectbox(key=field("field", "box", "scale")).set_value("log").run()
    assert space_of(page)["space"]["box"] == {"low": 5, "high": 8.5, "scale": "log"}


def test_a_range_without_the_current_value_is_widened_by_a_click(installation: Path) -> None:
    page = open_tuning(tune_space=inline({"space": {"box": {"low": 5.0, "high": 6.0}}}))
    assert "not in the searched range" in text_of(page)
    fix(page, "Widen")
    assert space_of(page)["space"]["box"] == {"low": 5.0, "high": 7.5, "scale": "linear"}
    assert "not in the searched range" not in text_of(page)


@pytest.mark.parametrize("label", ["Do not fix it", "Do not search it"])
def test_a_setting_that_is_fixed_and_searched_is_freed_by_a_click(
    installation: Path, label: str
) -> None:
    space = {"space": {**BOX["space"], "cls": {"low": 0.1, "high": 1.0}}}  # type: ignore[dict-item]
    page = open_tuning(tune_space=inline(space), set=["box=8"])
    assert page.button(key="launch.submit").disabled
    fix(page, label)
    choices = launch_of(page).choices
    assert ("box" in choices.overrides) != ("box" in space_of(page)["space"])
    assert not page.button(key="launch.submit").disabled


def test_epochs_are_not_both_fixed_and_searched(installation: Path) -> None:
    space = {"space": {"epochs": {"low": 2, "high": 30}}, "epochs": 5}
    page = open_tuning(tune_space=inline(space))
    fix(page, "Do not fix it")
    assert "epochs" not in space_of(page) and "Ready" in text_of(page)


def test_an_optimizer_is_named_by_a_click_so_that_lr0_can_be_searched(installation: Path) -> None:
    space = {"space": {"lr0": {"low": 0.001, "high": 0.1, "scale": "log"}}}
    page = open_tuning(tune_space=inline(space), set=["optimizer=auto"])
    assert "optimizer=auto ignores it" in text_of(page)
    fix(page, "optimizer=SGD")
    assert launch_of(page).choices.overrides == {"optimizer": "SGD"}
    assert "Ready" in text_of(page)


def test_a_space_is_saved_as_a_file_and_chosen(installation: Path) -> None:
    page = open_tuning(tune_space=inline(BOX))
    page.text_input(key="launch.space.name").set_value("loss").run()
    page.button(key="launch.space.save").click().run()
    assert (installation / "tune-loss.yaml").read_text() == (
        "space:\n  box: {low: 5.0, high: 9.0}\ntrials: 3\n"
    )
    assert launch_of(page).choices.tune_space == "tune-loss"
    page.number_input(key=field("search", "trials")).set_value(9).run()
    assert space_of(page)["trials"] == 9
    page.text_input(key="launch.space.name").set_value("loss").run()
    page.button(key="launch.space.save").click().run()
    assert "exists already" in text_of(page)


def test_a_file_that_cannot_be_read_is_named(installation: Path) -> None:
    (installation / "tune-broken.yaml").write_text("space: [\n")
    page = open_tuning(tune_space="tune-broken")
    assert "It cannot be read" in text_of(page) and not page.exception
    page.button(key="launch.space.default").click().run()
    assert launch_of(page).choices.tune_space == ""


@pytest.mark.parametrize(
    "space",
    [
        '{"space": {"nonsense": 1, "box": [1], "device": {"low": 0, "high": 2}, "1": null}}',
        '{"space": {"cls": {"choices": 3}, "lr0": {"low": null, "scale": "cubic"}}, "trials": "x"}',
        '{"space": 3, "epochs": -1, "fraction": 7, "metric": "luck", "seed": true}',
        '{"space": {"epochs": {"choices": ["a", null]}, "amp": {"choices": [true, "fp16"]}}}',
        "{}",
        "{{",
    ],
)
def test_any_space_in_a_link_is_shown(installation: Path, space: str) -> None:
    page = open_tuning(tune_space=space)
    assert not page.exception
    assert page.button(key="launch.submit").disabled


def test_a_clone_and_the_next_visit_bring_the_space_back(installation: Path, state: Path) -> None:
    preferences.remember(state, "kim", launch={"tune": True, "tune_space": inline(BOX)})
    page = open_app()
    assert space_of(page) == BOX
    assert json.loads(inline(BOX)) == BOX
    assert launch_of(page).choices == Choices(
        model="yolov8n-scratch.yaml", tune=True, tune_space=inline(BOX)
    )


@pytest.mark.parametrize("value", ["epochs=many", "epochs=.inf", "lr0=[1]", "optimizer=null"])
def test_settings_with_mistakes_leave_the_section_standing(installation: Path, value: str) -> None:
    page = open_tuning(set=[value])
    assert not page.exception
    assert "**Search space**" in text_of(page) and page.button(key="launch.submit").disabled
