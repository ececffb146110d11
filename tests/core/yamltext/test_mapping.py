from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.yamltext.mapping import set_document

TEXT = """\
# what night runs vary
space:
  # the rate
  lr0: {low: 0.0005, high: 0.02, scale: log}  # not above 0.02
  box:
    low: 5.0  # never lower

    high: 9.0
  fliplr: {choices: [0.0, 0.5]}
# how often
trials: 4
"""


def changed(text: str, **changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load(text), **changes}


def space(text: str, **changes: Any) -> dict[str, Any]:
    given = {**yaml.safe_load(text)["space"], **changes}
    return changed(text, space={key: entry for key, entry in given.items() if entry is not None})


def test_a_changed_end_leaves_comments_and_all_other_lines() -> None:
    after = space(TEXT, lr0={"low": 0.0005, "high": 0.05, "scale": "log"})
    assert set_document(TEXT, after) == TEXT.replace("high: 0.02", "high: 0.05")
    after = space(TEXT, box={"low": 5.0, "high": 12})
    assert set_document(TEXT, after) == TEXT.replace("high: 9.0", "high: 12")


def test_a_setting_is_added_below_the_others_and_taken_out_with_its_lines() -> None:
    after = set_document(TEXT, space(TEXT, cls={"low": 0.2, "high": 1.0, "scale": "linear"}))
    line = "  cls: {low: 0.2, high: 1.0, scale: linear}\n"
    assert after == TEXT.replace("# how often", line + "# how often")
    without = set_document(TEXT, space(TEXT, box=None))
    assert "never lower" not in without and "# the rate" in without
    assert set_document(TEXT, changed(TEXT, epochs=5)) == TEXT + "epochs: 5\n"


def test_a_space_is_written_one_setting_a_line() -> None:
    entries = {"space": {"lr0": {"low": 0.1, "high": 0.2}, "box": {"choices": [1, 2]}}, "trials": 2}
    written = "space:\n  lr0: {low: 0.1, high: 0.2}\n  box: {choices: [1, 2]}\n"
    for before in ("", "# mine\n", "space:\n", "space: {}\n", "space:\n  {}\n"):
        after = set_document(before, entries)
        assert after == ("# mine\n" if before == "# mine\n" else "") + written + "trials: 2\n"
    emptied = set_document(written, {"space": {}})
    assert yaml.safe_load(emptied) == {"space": {}}


@pytest.mark.parametrize("text", ["{space: {}, trials: 2}\n", "{space: , trials: 2}\n"])
def test_a_space_inside_braces_stays_inside_them(text: str) -> None:
    after = {"space": {"lr0": {"low": 0.1, "high": 0.2}}, "trials": 2}
    assert set_document(text, after).count("\n") == 1


def test_what_cannot_be_patched_is_refused() -> None:
    text = "a: &a {low: 1}\nspace: *a\n"
    with pytest.raises(InputError, match="'space' cannot be changed"):
        set_document(text, {"a": {"low": 1}, "space": {"low": 2}})


values = st.one_of(
    st.integers(-99, 99),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.none(),
    st.lists(st.integers(), max_size=3),
)
inner = st.dictionaries(st.sampled_from(["low", "high", "choices"]), values, max_size=3)
documents = st.fixed_dictionaries(
    {"space": st.dictionaries(st.sampled_from(["lr0", "box", "cls"]), inner | values, max_size=3)},
    optional={"trials": values, "seed": values},
)


@settings(deadline=None)
@given(documents, documents, st.sampled_from([None, False, True]), st.sampled_from(["\n", "\r\n"]))
def test_any_document_becomes_any_other(
    before: dict[str, Any], after: dict[str, Any], flow: bool | None, newline: str
) -> None:
    text = yaml.safe_dump(before, default_flow_style=flow, sort_keys=False)
    text = f"# above\n{text}# below\n".replace("\n", newline)
    result = set_document(text, after)
    assert yaml.safe_load(result) == after
    assert result.startswith("# above") and "# below" in result


def test_what_other_mappings_give_cannot_be_patched() -> None:
    with pytest.raises(InputError):
        set_document("a: &a {b: 1}\nc:\n  <<: *a\n  d: 2\n", {"a": {"b": 1}, "c": {"b": 1, "d": 3}})
