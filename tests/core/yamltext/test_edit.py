from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.yamltext.edit import set_names, set_values

KEYS = ("epochs", "imgsz", "lr0", "optimizer", "classes", "project", "cos_lr")
scalars: st.SearchStrategy[Any] = st.one_of(
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=12),
    st.lists(st.integers(0, 90), max_size=4),
)
comments = st.sampled_from(["", "  # why", "    # 한국어: yes", "   "])


@st.composite
def cfg_texts(draw: st.DrawFn) -> list[str]:
    """Lines of a cfg, one key a line, with comments and blank lines between."""
    lines = []
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        value = yaml.safe_dump(draw(scalars), default_flow_style=True, width=9999)
        value = value.removesuffix("\n").removesuffix("\n...")
        lines += draw(st.lists(st.sampled_from(["", "# a: comment", "  # another"]), max_size=2))
        lines.append(f"{key}: {value}{draw(comments)}")
    return lines


@given(
    lines=cfg_texts(),
    key=st.sampled_from(KEYS),
    value=scalars,
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_changing_a_key_leaves_every_other_line_as_it_is(
    lines: list[str], key: str, value: Any, newline: str
) -> None:
    text = "".join(line + newline for line in lines)
    after = set_values(text, {key: value})
    assert yaml.safe_load(after)[key] == value
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    now = [line for line in after.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    assert now == kept


def test_the_comment_behind_a_value_stays() -> None:
    text = "a: 1\nepochs: 24   # long\nb: [1,\n    2]  # two\n"
    assert set_values(text, {"epochs": 3}) == text.replace("24", "3")
    assert set_values(text, {"b": [3]}) == "a: 1\nepochs: 24   # long\nb: [3]  # two\n"
    assert set_values("path:\ntrain: x\n", {"path": "datasets/a"}) == "path: datasets/a\ntrain: x\n"


@pytest.mark.parametrize("value", ["\x85", "a\u2028b", ["\u2029", "\u00e9"]])
def test_a_line_end_of_unicode_is_written_by_its_number(value: Any) -> None:
    text = set_values("# above\nproject: a  # why\n", {"project": value})
    assert yaml.safe_load(text) == {"project": value}
    assert len(text.splitlines()) == 2


def test_what_cannot_be_patched_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be changed"):
        set_values("a: &x 1\nb: *x\n", {"a": 2})
    with pytest.raises(InputError):
        set_values("- a\n", {"a": 2})


MAPPED = "names:\n  0: circle  # round\n  # four corners\n  1: square\n\ntrain: x  # here\n"
LISTED = "names:\n- circle\n- square # four\ntrain: x\n"


@pytest.mark.parametrize(
    ("text", "names", "after"),
    [
        (MAPPED, ["disc", "square"], MAPPED.replace("circle", "disc")),
        (MAPPED, ["circle", "square", "star: 5"],
         MAPPED.replace("1: square\n", "1: square\n  2: 'star: 5'\n")),
        (MAPPED, ["circle"], MAPPED.replace("  1: square\n", "")),
        (LISTED, ["circle", "box", "star"],
         "names:\n- circle\n- box # four\n- star\ntrain: x\n"),
        (LISTED, ["square"], "names:\n- square\ntrain: x\n"),
        ("names: [a, b]  # two\n", ["a", "c", "d"], "names: [a, c, d]  # two\n"),
        ("names: {0: a}\nnc: 1\n", ["a", "b"], "names: {0: a, 1: b}\nnc: 2\n"),
        ("train: x\n", ["a"], "train: x\nnames: {0: a}\n"),
        ("names:\n  0: a\n  1: b", ["a", "b", "c"], "names:\n  0: a\n  1: b\n  2: c\n"),
    ],
)  # fmt: skip
def test_class_names_are_changed_in_place(text: str, names: list[str], after: str) -> None:
    assert set_names(text, names) == after


@given(
    before=st.lists(st.text("ab '\"#:0", min_size=1, max_size=4), min_size=1, max_size=5),
    after=st.lists(st.text("ab '\"#:0", min_size=1, max_size=4), min_size=1, max_size=5),
    is_list=st.booleans(),
    is_flow=st.booleans(),
)
def test_any_names_read_back_as_they_were_meant(
    before: list[str], after: list[str], is_list: bool, is_flow: bool
) -> None:
    names: Any = before if is_list else dict(enumerate(before))
    text = "# top\n" + yaml.safe_dump({"names": names}, default_flow_style=is_flow) + "# end\n"
    changed = set_names(text, after)
    read = yaml.safe_load(changed)["names"]
    assert list(read.values() if isinstance(read, dict) else read) == after
    assert changed.startswith("# top\n") and changed.endswith("# end\n")


def test_the_samples_files_keep_their_comments(sample_volume: Path) -> None:
    text = (sample_volume / "data-custom.yaml").read_text(encoding="utf-8")
    changed = set_names(text, ["disc", "square", "star", "heart"])
    assert changed == text.replace("0: circle", "0: disc") + "  3: heart\n"
