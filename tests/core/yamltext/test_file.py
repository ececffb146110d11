from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.yamltext.edit import set_values
from pipeline.core.yamltext.file import parse_yaml

BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


def test_keys_know_their_lines() -> None:
    document = parse_yaml("epochs: 5\nnames:\n  0: a\n  1: b\n", name="data.yaml")
    assert document.data == {"epochs": 5, "names": {0: "a", 1: "b"}}
    assert document.where("names", 1) == "data.yaml:4"
    assert document.where("nothing") == "data.yaml"


def test_merged_keys_are_there_and_know_their_lines() -> None:
    text = "base: &b\n  a: 1\n  c: 2\nmore: &m {d: 4}\n<<: [*b, *m]\nc: 3\n"
    document = parse_yaml(text, name="x")
    assert {key: document.data[key] for key in "acd"} == {"a": 1, "c": 3, "d": 4}
    assert [document.where(key) for key in "acd"] == ["x:2", "x:6", "x:4"]


def test_keys_that_are_only_equal_are_not_the_same() -> None:
    assert parse_yaml("yes: a\n1: b\n", name="x").data == {1: "b"}
    assert parse_yaml("0: a\nno: b\n0.0: c\n", name="x").data == {0: "c"}


@pytest.mark.parametrize("letter", ["\x00", "\x07", "\x1b", "\x7f", "\x9f", "\ud800", "\ufffe"])
def test_control_characters_are_left_out_as_ultralytics_does(letter: str, tmp_path: Path) -> None:
    from ultralytics.utils import YAML

    text = f"a: x{letter}y\n{letter}b: 2\n"
    assert parse_yaml(text, name="x").data == {"a": "xy", "b": 2}
    assert parse_yaml(set_values(text, {"b": 3}), name="x").data == {"a": "xy", "b": 3}
    if letter != "\ud800":
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        assert YAML.load(tmp_path / "x.yaml") == {"a": "xy", "b": 2}


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert parse_yaml("# nothing\n", name="x").data == {}


@pytest.mark.parametrize(
    ("text", "where", "part"),
    [
        ("a: 1\nb: [1\n", "x:3", "not valid yaml"),
        ("a: 1\na: 2\n", "x:2", "given twice, first in line 1"),
        ("- 1\n- 2\n", "x:1", "not a mapping"),
        ("a: !!python/object/apply:os.system ['true']\n", "x:1", "not valid yaml"),
        (BOMB, "x", "unfolds to more than"),
        ("a: &a [*a]\n", "x:1", "contains itself"),
        ("[" * 5000, "x", "yaml"),
        ("{a: 1}: 2\n", "x", "not valid yaml"),
        ("a: 1\nb: &x [1]\n<<: 3\n", "x:3", "not valid yaml"),
        ("a: 1\nb: {c: 1, c: 2}\n", "x:2", "given twice"),
        ("when: 2026-13-45\n", "x", "not valid yaml"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(text: str, where: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, name="x")
    assert caught.value.where.startswith(where)
    assert part in caught.value.message


@given(st.text(max_size=80))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        assert isinstance(parse_yaml(text, name="x").data, dict)
    except InputError as refusal:
        assert refusal.where
