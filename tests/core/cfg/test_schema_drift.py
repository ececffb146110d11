"""The schema says the same as the installed Ultralytics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ultralytics import cfg as theirs
from ultralytics.utils import DEFAULT_CFG_DICT, YAML

from pipeline.core.cfg.check import check_value, clean
from pipeline.core.cfg.renamed import with_new_names
from pipeline.core.cfg.schema import (
    COMMON,
    GROUPS,
    NOT_IN_DEFAULTS,
    RENAMED,
    SCHEMA,
    UNUSED_GROUPS,
    Setting,
)
from pipeline.core.cfg.train_cfg import merge_cfg

# Where Slipway is stricter than Ultralytics on purpose: key, value, and why it is not let through.
STRICTER: dict[str, tuple[Any, ...]] = {
    "batch": (0, -2, 1.5),
    "degrees": (400.0,),
    "shear": (200.0,),
}
CANDIDATES: tuple[Any, ...] = (
    0, 1, 2, 100, 0.5, 1.0, True, False, "text", "fp16", "ram", [0.5, 1.5], [640, 640],
    [0, 1], [2.5, 1], [1, 2, 0], [], {}, -1, -0.5, 10**9, None,
)  # fmt: skip


def test_keys_are_those_of_ultralytics() -> None:
    assert set(SCHEMA) - NOT_IN_DEFAULTS == set(DEFAULT_CFG_DICT)


@pytest.mark.parametrize("key", DEFAULT_CFG_DICT)
def test_defaults_are_those_of_ultralytics(key: str) -> None:
    ours, default = SCHEMA[key].default, DEFAULT_CFG_DICT[key]
    assert (type(ours), ours) == (type(default), default)


@pytest.mark.parametrize("setting", SCHEMA.values(), ids=lambda setting: setting.key)
def test_every_default_is_accepted(setting: Setting) -> None:
    assert check_value(setting, setting.default, "") == []


@pytest.mark.parametrize("setting", SCHEMA.values(), ids=lambda setting: setting.key)
def test_kinds_are_those_of_ultralytics(setting: Setting) -> None:
    key = setting.key
    if key in theirs.CFG_BOOL_KEYS:
        assert setting.kind == "bool"
    elif key in theirs.CFG_INT_KEYS:
        assert setting.kind == "int"
    elif key in theirs.CFG_FLOAT_KEYS | theirs.CFG_FRACTION_KEYS:
        assert setting.accepts("float")
    elif key in theirs.CFG_STR_KEYS:
        assert setting.kind in ("str", "choice")


@pytest.mark.parametrize("key", sorted(theirs.CFG_FRACTION_KEYS | {"scale"}))
def test_fractions_have_their_limits(key: str) -> None:
    assert (SCHEMA[key].low, SCHEMA[key].high) == (0.0, None if key == "fraction" else 1.0)


@pytest.mark.parametrize(("key", "low"), sorted(theirs.CFG_INT_MIN.items()))
def test_whole_numbers_have_their_least_value(key: str, low: int) -> None:
    assert SCHEMA[key].low == low


@pytest.mark.parametrize("setting", SCHEMA.values(), ids=lambda setting: setting.key)
def test_what_slipway_takes_ultralytics_takes_too(setting: Setting) -> None:
    for value in CANDIDATES:
        if check_value(setting, value, "") == []:
            theirs.check_cfg({setting.key: clean(setting.key, value)})


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in STRICTER.items() for value in values]
)
def test_slipway_refuses_what_would_only_fail_later(key: str, value: Any) -> None:
    theirs.check_cfg({key: value})
    assert check_value(SCHEMA[key], value, "")


def test_ultralytics_takes_a_merged_cfg(tmp_path: Path) -> None:
    text = "lr0: 1e-3 # PyYAML reads this as text\nepochs: 1e1\nconf: None\n"
    path = tmp_path / "cfg.yaml"
    path.write_text(text)
    with pytest.raises(TypeError, match="of invalid type str"):
        theirs.get_cfg(DEFAULT_CFG_DICT, YAML.load(path))
    path.write_text(merge_cfg(text, {"classes": [0, 2], "optimizer": "SGD"}))
    args = theirs.get_cfg(DEFAULT_CFG_DICT, YAML.load(path))
    assert (args.lr0, args.epochs, args.conf, args.classes) == (0.001, 10, None, [0, 2])


def test_optimizers_are_those_of_ultralytics() -> None:
    documented = {"SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp", "auto"}
    assert set(SCHEMA["optimizer"].choices) == documented


def test_precisions_are_those_of_ultralytics() -> None:
    choices = {str(choice) for choice in SCHEMA["quantize"].choices}
    assert choices == set(theirs.QUANTIZE_ALIASES)


@pytest.mark.parametrize("key", RENAMED)
def test_old_names_are_those_that_ultralytics_still_translates(key: str) -> None:
    assert key not in SCHEMA
    assert key not in theirs._handle_deprecation({key: True})


OLD: tuple[dict[str, Any], ...] = (
    *({key: value} for key in RENAMED for value in (True, False, None, "False", 0, "")),
    {"int8": False, "half": True},
    {"int8": True, "half": True},
    {"int8": True, "quantize": 16},
    {"end2end": False, "nms": True},
    {"end2end": True, "nms": True},
    {"boxes": True, "show_boxes": False},
)


@pytest.mark.parametrize("old", OLD, ids=str)
def test_old_names_are_translated_as_ultralytics_translates_them(old: dict[str, Any]) -> None:
    try:
        expected = theirs._handle_deprecation(dict(old))
    except TypeError:
        assert check_value(SCHEMA["nms"], with_new_names(old)["nms"], "")
        return
    assert with_new_names(old) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key in ("quantize", "amp") for value in SCHEMA[key].choices if value],
)
def test_precisions_get_the_form_that_ultralytics_gives_them(key: str, value: Any) -> None:
    for written in (value, str(value).upper() if isinstance(value, str) else value):
        cfg = {key: written}
        theirs.check_cfg(cfg)
        assert clean(key, written) == cfg[key]


@pytest.mark.parametrize("key", NOT_IN_DEFAULTS)
def test_keys_that_ultralytics_takes_besides_its_defaults(key: str) -> None:
    theirs.check_dict_alignment(DEFAULT_CFG_DICT, {key: "x"})


def test_every_setting_has_a_group_and_help() -> None:
    assert {setting.group for setting in SCHEMA.values()} == set(GROUPS)
    assert set(UNUSED_GROUPS) < set(GROUPS)
    assert set(SCHEMA) >= COMMON
    for setting in SCHEMA.values():
        assert 3 < len(setting.help) <= 90 and not setting.help.endswith("."), setting.key
        assert bool(setting.owned) == (setting.group == "slipway"), setting.key
