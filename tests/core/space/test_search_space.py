from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.errors import InputError
from pipeline.core.findings import has_errors
from pipeline.core.space.presets import PRESETS, preset_space
from pipeline.core.space.search_space import Dimension, SearchSpace, check_space, load_space
from pipeline.core.yamltext.file import parse_yaml

GOOD = """\
space:
  lr0: {low: 1e-4, high: 0.02, scale: log}
  fliplr: {choices: [0.0, 0.5]}
  close_mosaic: {low: 0, high: 10}
trials: 6
epochs: 3
metric: mAP50
"""
CFG = effective_cfg("optimizer: AdamW", {})


def check(text: str, cfg: Any = CFG, **overrides: Any) -> list[tuple[str, str, str]]:
    findings = check_space(parse_yaml(text, name="tune-a.yaml"), cfg, overrides)
    return [(finding.severity, finding.code, finding.where) for finding in findings]


def of(key: str, dimension: str) -> str:
    return f"space:\n  {key}: {dimension}\n"


def test_a_space_is_read() -> None:
    space = load_space(parse_yaml(GOOD, name="tune-a.yaml"))
    assert space == SearchSpace(
        space={
            "lr0": Dimension(0.0001, 0.02, "log"),
            "fliplr": Dimension(choices=(0.0, 0.5)),
            "close_mosaic": Dimension(0, 10, "int"),
        },
        trials=6,
        epochs=3,
        metric="mAP50",
    )
    assert check(GOOD) == []


def test_what_is_written_reads_back() -> None:
    space = load_space(parse_yaml(GOOD, name="a"))
    assert load_space(parse_yaml(space.dump(), name="b")) == space


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (of("lr", "{low: 0.1, high: 0.2}"), "unknown-setting", 2),
        (of("lr0", "{low: 0.2, high: 0.1}"), "tune-space", 2),
        (of("lr0", "{low: 0.1, high: 0.1}"), "tune-space", 2),
        (of("lr0", "{low: 0, high: 0.1, scale: log}"), "tune-space", 2),
        (of("lr0", "{low: 0.1, high: 2}"), "setting-range", 2),
        (of("lr0", "{low: 0.1}"), "tune-space", 2),
        (of("lr0", "{low: small, high: big}"), "tune-space", 2),
        (of("lr0", "{low: 0.1, high: .nan}"), "tune-space", 2),
        (of("lr0", "{low: 0.1, high: 0.2, step: 1}"), "tune-space", 2),
        (of("lr0", "{low: 0.1, high: 0.2, scale: cubic}"), "tune-space", 2),
        (of("lr0", "[0.1, 0.2]"), "tune-space", 2),
        (of("lr0", "{choices: []}"), "tune-space", 2),
        (of("lr0", "{choices: [0.01, fast]}"), "setting-type", 2),
        (of("lr0", "{choices: [0.01], low: 0}"), "tune-space", 2),
        (of("box", "{low: 0.5, high: 7.5, scale: int}"), "tune-space", 2),
        (of("nbs", "{low: 16, high: 64, scale: log}"), "tune-space", 2),
        (of("optimizer", "{low: 0, high: 1}"), "tune-space", 2),
        (of("device", "{choices: [0, 1]}"), "tune-space", 2),
        (of("epochs", "{low: 0.5, high: 3}"), "setting-type", 2),
        ("space:\n", "tune-space", 1),
        ("space: [lr0]\n", "tune-space", 1),
        ("trials: 3\n", "tune-space", 0),
        (GOOD + "trails: 3\n", "unknown-setting", 8),
        (GOOD.replace("trials: 6", "trials: many"), "tune-value", 5),
        (GOOD.replace("trials: 6", "trials: 0"), "tune-value", 5),
        (GOOD.replace("epochs: 3", "epochs: true"), "tune-value", 6),
        (GOOD.replace("mAP50", "accuracy"), "tune-value", 7),
        (GOOD + "searcher: luck\n", "tune-value", 8),
        (GOOD + "scheduler: true\n", "tune-value", 8),
        (GOOD + "fraction: 0\n", "tune-value", 8),
        (GOOD + "time_limit_min: soon\n", "tune-value", 8),
        (of("epochs", "{low: 1, high: 9}") + "epochs: 3\n", "fixed-and-searched", 2),
        (of("fraction", "{low: 0.1, high: 0.9}") + "fraction: 0.5\n", "fixed-and-searched", 2),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, code: str, line: int) -> None:
    where = f"tune-a.yaml:{line}" if line else "tune-a.yaml"
    assert ("error", code, where) in check(text)
    with pytest.raises(InputError) as caught:
        load_space(parse_yaml(text, name="tune-a.yaml"))
    assert caught.value.findings


def test_all_mistakes_come_at_once() -> None:
    text = "space:\n  lr: {low: 1}\n  box: {low: 9, high: 1}\ntrials: -1\n"
    assert len(check(text)) == 3


def test_a_setting_is_not_both_fixed_and_searched() -> None:
    assert check(of("box", "{low: 1, high: 9}"), box=7.5) == [
        ("error", "fixed-and-searched", "tune-a.yaml:2")
    ]


@pytest.mark.parametrize("key", ["lr0", "momentum"])
def test_the_automatic_optimizer_leaves_nothing_to_search(key: str) -> None:
    auto = effective_cfg("", {})
    assert ("error", "auto-optimizer", "tune-a.yaml:2") in check(
        of(key, "{low: 0.005, high: 0.95}"), auto
    )


def test_lr0_is_searched_with_an_optimizer_that_the_space_names() -> None:
    rates = of("lr0", "{low: 0.005, high: 0.95}")
    named = rates + "  optimizer: {choices: [AdamW, SGD]}\n"
    assert check(named, effective_cfg("", {})) == [
        ("warning", "current-outside-space", "tune-a.yaml:3")
    ]
    either = rates + "  optimizer: {choices: [AdamW, auto]}\n"
    assert ("error", "auto-optimizer", "tune-a.yaml:2") in check(either)


def test_a_range_without_the_current_value_is_a_warning() -> None:
    assert check(of("box", "{low: 1, high: 3}")) == [
        ("warning", "current-outside-space", "tune-a.yaml:2")
    ]
    assert check(of("fliplr", "{choices: [0.1]}"))[0][1] == "current-outside-space"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_leaves_out_what_auto_ignores(name: str) -> None:
    assert set(preset_space(name, CFG).space) == set(PRESETS[name])
    assert not {"lr0", "momentum"} & set(preset_space(name, effective_cfg("", {})).space)


@settings(deadline=None)
@given(st.sampled_from(sorted(PRESETS)), st.data())
def test_a_preset_holds_the_current_values_and_is_valid(name: str, data: st.DataObject) -> None:
    whole = {key for key in PRESETS[name] if SCHEMA[key].kind == "int"}
    drawn = {
        key: data.draw(st.integers(0, 99) if key in whole else st.floats(0, 1))
        for key in PRESETS[name]
    }
    if "perspective" in drawn:
        drawn["perspective"] /= 1000
    cfg = CFG | drawn
    space = preset_space(name, cfg)
    assert all(dimension.contains(cfg[key]) for key, dimension in space.space.items())
    assert check_space(parse_yaml(space.dump(), name="tune"), cfg, {}) == []


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["low", "high", "scale", "choices", "space", "trials", *sorted(SCHEMA)[:9]]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["space", "trials", "metric", "x"]), ANY))
def test_any_yaml_is_checked_without_a_crash(document: dict[str, Any]) -> None:
    file = parse_yaml(yaml.safe_dump(document), name="tune")
    has_mistakes = has_errors(check_space(file, CFG, {}))
    try:
        assert load_space(file).space and not has_mistakes
    except InputError:
        assert has_mistakes
