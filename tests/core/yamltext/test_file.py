import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.yamltext.file import parse_yaml

BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)


def test_keys_know_their_lines() -> None:
    document = parse_yaml("epochs: 5\nnames:\n  0: a\n  1: b\n", name="data.yaml")
    assert document.data == {"epochs": 5, "names": {0: "a", 1: "b"}}
    assert document.where("names", 1) == "data.yaml:4"
    assert document.where("nothing") == "data.yaml"


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
        ("a: \x00\n", "x", "not valid yaml"),
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
