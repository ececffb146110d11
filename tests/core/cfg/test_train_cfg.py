from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.cfg.train_cfg import (
    SCHEMA,
    check_cfg,
    diff_text,
    effective_cfg,
    merge_cfg,
    parse_override,
    parse_overrides,
)
from pipeline.core.errors import InputError, UsageError
from pipeline.core.findings import Finding
from pipeline.core.yamltext.file import parse_yaml

CFG = """\
# my settings
epochs: 100  # long enough
lr0: 0.01

classes:   # which
  - 0
  - 2
# augmentation
mosaic: 1.0
model:
"""


def check(text: str, **overrides: Any) -> list[tuple[str, str, str]]:
    findings = check_cfg(parse_yaml(text, name="cfg.yaml"), overrides)
    return [(finding.severity, finding.code, finding.where) for finding in findings]


def only(text: str, **overrides: Any) -> Finding:
    (finding,) = check_cfg(parse_yaml(text, name="cfg.yaml"), overrides)
    return finding


def test_a_good_cfg_has_no_findings() -> None:
    assert (
        check("epochs: 3\noptimizer: adamw\nlr0: 0.003\namp: false\ncache: ram\nbatch: 0.7\n") == []
    )


def test_a_copy_of_all_defaults_has_no_findings() -> None:
    assert check(yaml.safe_dump(effective_cfg("", {}))) == []


def test_a_typo_is_answered_with_what_was_meant() -> None:
    finding = only("epochs: 3\nmomentun: 0.9\n")
    assert finding.code == "unknown-setting"
    assert finding.where == "cfg.yaml:2"
    assert "momentum" in finding.next


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("epochs: many", "setting-type"),
        ("epochs: 0", "setting-range"),
        ("epochs: 1.5", "setting-type"),
        ("epochs: false", "setting-range"),
        ("fraction: true", "setting-type"),
        ("boxes: 5", "setting-type"),
        ("end2end: 1", "setting-type"),
        ("epochs:", "setting-type"),
        ("epochs: [1]", "setting-type"),
        ("lrf: 2", "setting-range"),
        ("lrf: .nan", "setting-range"),
        ("box: .inf", "setting-range"),
        ("box: -1", "setting-range"),
        ("batch: 0", "setting-range"),
        ("batch: 2.5", "setting-range"),
        ("fraction: 0", "setting-range"),
        ("scale: [0.5]", "setting-type"),
        ("classes: [a]", "setting-type"),
        ("imgsz: [0, 64]", "setting-type"),
        ("optimizer: SDG", "setting-type"),
        ("cache: 1", "setting-type"),
        ("rect: 1", "setting-type"),
        ("7: x", "unknown-setting"),
    ],
)
def test_a_bad_value_is_an_error_with_its_line(line: str, code: str) -> None:
    errors = [found for found in check(f"# first\n{line}\n") if found[0] == "error"]
    assert errors == [("error", code, "cfg.yaml:2")]


@pytest.mark.parametrize(
    "line",
    ["lr0: 1e-3", "epochs: 1e2", "epochs: 100.0", "batch: -1", "fraction: 500", "conf: None",
     "scale: [0.5, 1.5]", "freeze: [0, 1]", "imgsz: [64, 96]", "device:", "optimizer: SGD",
     "dropout: false", "multi_scale: false", "epochs: true", "close_mosaic: false", "time: true",
     "scale: [false, true]", "degrees: -10", "shear: -2.5", "close_mosaic: -1", "save_period: -5",
     "warmup_epochs: -1", "freeze: -1"],
)  # fmt: skip
def test_what_people_mean_is_understood(line: str) -> None:
    assert check(f"optimizer: SGD\n{line}\n" if "optimizer" not in line else line) == []


def test_all_mistakes_come_at_once_errors_first() -> None:
    found = check("project: mine\nepoch: 1\nimgsz: no\n", lr0="fast")
    assert [severity for severity, _, _ in found] == [
        "error",
        "error",
        "error",
        "warning",
        "warning",
    ]
    assert ("error", "setting-type", "overrides.lr0") in found


def test_an_override_hides_the_mistake_that_it_replaces() -> None:
    assert check("epochs: many\n", epochs=3) == []


@pytest.mark.parametrize(
    "line",
    ["project: x", "project: 3", "name: 12", "resume: true", "model: a.pt", "device: 0",
     "device: true", "save_dir: [a]", "exist_ok: 1", "task: 2024-01-01"],
)  # fmt: skip
def test_what_slipway_sets_is_a_warning_in_a_file(line: str) -> None:
    assert check(line) == [("warning", "setting-ignored", "cfg.yaml:1")]


def test_what_slipway_sets_is_an_error_as_an_override() -> None:
    assert check("", project="x") == [("error", "setting-owned", "overrides.project")]
    assert check("", device="cpu") == [("warning", "setting-ignored", "overrides.device")]


def test_old_names_say_the_new_one() -> None:
    finding = only("line_thickness: 2\n")
    assert (finding.severity, finding.code) == ("warning", "setting-renamed")
    assert "line_width" in finding.next


def test_a_factor_that_used_to_be_a_switch_is_explained() -> None:
    finding = only("multi_scale: true\n")
    assert (finding.severity, finding.where) == ("warning", "cfg.yaml:1")
    assert "0.5" in finding.next


def test_merging_translates_old_names_so_that_overrides_count() -> None:
    text = "boxes: false  # none\nepochs: 3 # few\nlabel_smoothing: 0.1\nhalf: true\n"
    merged = merge_cfg(text, {"show_boxes": True, "int8": False})
    assert yaml.safe_load(merged) == {"epochs": 3, "quantize": None, "show_boxes": True}
    assert "epochs: 3 # few\n" in merged


def test_settings_without_effect_are_named() -> None:
    assert check("opset: 17\n") == [("info", "setting-unused", "cfg.yaml:1")]


def test_lr0_with_the_automatic_optimizer_is_a_warning() -> None:
    assert check("lr0: 0.003\n") == [("warning", "auto-optimizer", "cfg.yaml:1")]
    assert check("", lr0=0.01) == [("warning", "auto-optimizer", "overrides.lr0")]
    assert check("lr0: 0.003\noptimizer: SGD\n") == []
    assert check("lr0: 0.003\n", optimizer="SGD") == []


def test_merging_changes_only_what_was_asked_for() -> None:
    merged = merge_cfg(CFG, {"epochs": 5, "classes": [1], "model": "a", "imgsz": 96})
    assert merged == (
        CFG.replace("100", "5").replace("\n  - 0\n  - 2", "\n  [1]").replace("model:", "model: a")
        + "imgsz: 96\n"
    )


def test_merging_nothing_keeps_every_byte() -> None:
    text = "epochs: 5   \r\n\r\n# end"
    assert merge_cfg(text, {}) == merge_cfg(text, {"epochs": 5}) == text


def test_merging_spells_out_numbers_that_ultralytics_would_read_as_text() -> None:
    merged = merge_cfg("lr0: 1e-3 # small\nconf: None\n", {})
    assert yaml.safe_load(merged) == {"lr0": 0.001, "conf": None}
    assert "# small" in merged


@pytest.mark.parametrize(
    "text",
    [
        "{epochs: 1, lr0: 0.1}",
        "  epochs: 1\n",
        "--- \nepochs: 1\n...\n",
        "epochs: &e 1\npatience: *e\n",
        "epochs: 1",
        "",
        "# only this",
        "epochs:\n",
        "epochs: |\n  1\nlr0: 0.1\n",
        "epochs: 1\r\nlr0: 0.1\r\n",
        "\"epochs\": '1' # quoted\nimgsz:\n  - 1\n  # inside\n  - 2\n",
    ],
)
def test_merging_works_for_every_form_of_yaml(text: str) -> None:
    merged = yaml.safe_load(merge_cfg(text, {"epochs": 7, "imgsz": 64}))
    before = yaml.safe_load(text) or {}
    assert merged == {**before, "epochs": 7, "imgsz": 64}


KEYS = st.sampled_from(sorted(SCHEMA))
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    st.lists(st.integers(0, 9), max_size=3),
    st.none(),
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=6))
def test_merging_gives_the_file_with_the_overrides(
    file: dict[str, Any], overrides: dict[str, Any]
) -> None:
    text = "# head\n" + (yaml.safe_dump(file, allow_unicode=True) if file else "")
    merged = merge_cfg(text, overrides)
    assert effective_cfg(merged, {}) == effective_cfg(text, overrides)
    assert merge_cfg(merged, {}) == merged
    check_cfg(parse_yaml(merged, name="cfg"), overrides)


def test_merging_a_text_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(InputError):
        merge_cfg("- 1\n", {"epochs": 1})


def test_the_diff_is_unified() -> None:
    diff = diff_text("epochs: 100\nlr0: 0.1\n", "epochs: 5\nlr0: 0.1\n", "cfg.yaml", "yours")
    assert "-epochs: 100\n+epochs: 5\n" in diff
    assert diff.startswith("--- cfg.yaml\n+++ yours\n")
    assert diff_text("a", "a", "x", "y") == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("epochs=5", 5),
        ("lr0=1e-3", 0.001),
        ("lr0 = 0.01", 0.01),
        ("cos_lr=true", True),
        ("cos_lr=False", False),
        ("classes=[0, 2]", [0, 2]),
        ("conf=None", None),
        ("conf=", None),
        ("optimizer=AdamW", "AdamW"),
        ("source='a = b'", "a = b"),
        ("source=2020-01-01", "2020-01-01"),
        ("nonsense=1e-3", "1e-3"),
    ],
)
def test_overrides_are_read_like_yaml(text: str, value: Any) -> None:
    key, parsed = parse_override(text)
    assert key == text.partition("=")[0].strip()
    assert (type(parsed), parsed) == (type(value), value)


@pytest.mark.parametrize(
    "text",
    ["epochs", "=5", "a b=1", "x=[1,", "x=!!python/name:os.system", "x=a\nb: 2", "x=*y", "x=\x00"],
)
def test_what_is_no_override_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_override(text)


def test_all_bad_overrides_are_named_at_once() -> None:
    assert parse_overrides(["epochs=1", "epochs=2", "lr0=1"]) == {"epochs": 2, "lr0": 1}
    with pytest.raises(UsageError, match=r"'one'.*'two'"):
        parse_overrides(["one", "epochs=1", "two"])


@settings(deadline=None)
@given(st.text(max_size=40))
def test_an_override_is_read_or_refused(text: str) -> None:
    try:
        key, _ = parse_override(text)
        assert key
    except UsageError:
        pass
