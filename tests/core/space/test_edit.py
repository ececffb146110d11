from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.errors import InputError
from pipeline.core.findings import has_errors
from pipeline.core.space.cost import cost
from pipeline.core.space.edit import (
    searchable,
    widened,
    with_added,
    with_entry,
    with_preset,
    with_scale,
    with_setting,
    without,
)
from pipeline.core.space.form import SCALES
from pipeline.core.space.presets import PRESETS, default_space, suggested
from pipeline.core.space.search_space import check_space, load_space
from pipeline.core.space.text import file_text, inline, is_inline, read_inline
from pipeline.core.yamltext.file import parse_yaml

CFG = effective_cfg("optimizer: AdamW\nepochs: 20\n", {})
DOCUMENT: dict[str, Any] = {"space": {"box": {"low": 5.0, "high": 9.0}}, "trials": 4, "epochs": 5}


def codes(document: dict[str, Any], cfg: dict[str, Any] = CFG) -> list[str]:
    return [finding.code for finding in check_space(read_inline(inline(document)), cfg, {})]


def test_a_space_goes_on_one_line_and_into_a_file_and_back() -> None:
    space = default_space(CFG)
    text = inline(space.document())
    assert is_inline(text) and "\n" not in text and not is_inline("tune-wide")
    assert load_space(read_inline(text)) == space
    assert load_space(parse_yaml(file_text(space.document()), name="tune-a.yaml")) == space
    by_hand = read_inline("{space: {lr0: {low: 1e-4, high: 0.1, scale: log}}}")
    assert load_space(by_hand).space["lr0"].low == 1e-4


def test_the_smallest_numbers_stay_numbers() -> None:
    document = with_entry({}, "lr0", {"low": 1e-05, "high": 0.1, "scale": "log"})
    assert read_inline(inline(document)).data == document
    assert parse_yaml(file_text(document), name="a").data == document


@pytest.mark.parametrize("text", ["{", "{a: 1} b", "{" * 2000, '{"a": ' * 9000])
def test_a_line_that_is_no_space_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_inline(text)


def test_changes_leave_everything_else() -> None:
    added = with_added({**DOCUMENT, "note": 1}, "cls", CFG)
    assert list(added["space"]) == ["box", "cls"] and added["note"] == 1
    assert without(added, "cls") == {**DOCUMENT, "note": 1}
    assert with_setting(DOCUMENT, "epochs", None) == {"space": DOCUMENT["space"], "trials": 4}
    preset = with_preset(DOCUMENT, "loss weights", CFG)
    assert list(preset["space"]) == list(PRESETS["loss weights"]) and preset["trials"] == 4


def test_what_is_searched_is_fixed_no_more() -> None:
    assert codes(with_entry(DOCUMENT, "epochs", {"low": 1, "high": 30})) == ["fixed-and-searched"]
    assert codes(with_added(DOCUMENT, "epochs", CFG)) == []


AWKWARD = {
    "lr0": 0.01237,
    "weight_decay": 0.0005678,
    "box": 9.371,
    "scale": 0.3333,
    "degrees": 12.37,
    "fraction": 0.3337,
    "epochs": 1237,
    "momentum": 0.9371,
}


@pytest.mark.parametrize(("key", "value"), AWKWARD.items())
def test_suggested_bounds_have_three_digits(key: str, value: float) -> None:
    entry = suggested(key, value).as_dict()
    assert entry["low"] <= value <= entry["high"]
    as_log = with_scale(key, {"low": 0.0, "high": value}, "log", value)
    for bound in {entry["low"], entry["high"], as_log["low"]} - {value}:
        assert bound == float(f"{bound:.3g}")


@settings(deadline=None)
@given(st.sampled_from(searchable()), st.data())
def test_every_setting_can_be_added_around_its_value(key: str, data: st.DataObject) -> None:
    setting = SCHEMA[key]
    value = setting.default
    if setting.kind == "float" and setting.high:
        value = data.draw(st.floats(0.01, setting.high))
    document = with_added({}, key, CFG | {key: value})
    entry = document["space"][key]
    auto = {"auto-optimizer"} if key in ("lr0", "momentum") else set()
    found = check_space(read_inline(inline(document)), None, {})
    assert not has_errors(f for f in found if f.code not in auto)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        assert "current-outside-space" not in codes(document, CFG | {key: value})
    for scale in (*SCALES, "choices"):
        if setting.kind in ("int", "float") and not (scale == "log" and setting.kind == "int"):
            changed = with_scale(key, entry, scale, value)
            assert scale in (changed.get("scale"), *changed)


def test_a_range_is_widened_to_the_current_value() -> None:
    entry = {"low": 5.0, "high": 6.0, "scale": "log"}
    assert widened("box", entry, 7.5) == {"low": 5.0, "high": 7.5, "scale": "log"}
    assert widened("box", entry, 0.0) == {"low": 0.0, "high": 6.0, "scale": "linear"}
    assert widened("box", {"choices": [1.0]}, 7.5) == {"choices": [1.0, 7.5]}
    assert widened("freeze", {"low": 0, "high": 3}, None) is None


def test_the_scale_changes_what_can_be_drawn() -> None:
    assert with_scale("box", {"low": 0, "high": 9.5}, "log", 1.0)["low"] == 0.095
    assert with_scale("box", {"low": 0.5, "high": 9.5}, "int", 1.0)["high"] == 10
    assert with_scale("box", {"low": 1, "high": 9}, "choices", 7.5) == {"choices": [1, 7.5, 9]}
    back = with_scale("box", {"choices": [3.0, 1.0]}, "linear", 7.5)
    assert back == {"low": 1.0, "high": 3.0, "scale": "linear"}


def test_the_cost_is_told_against_the_training() -> None:
    told = cost({**DOCUMENT, "fraction": 0.5}, CFG)
    assert told and (told.trials, told.epochs, told.share) == (4, 5, 0.5)
    assert (told.all_epochs, told.training_epochs) == (10, 20)
    whole = cost({"space": {"epochs": {"low": 1, "high": 30}}, "trials": 2}, CFG)
    assert whole and whole.epochs == 30 and whole.all_epochs == 60
    assert cost({"trials": "many"}, CFG) is None
