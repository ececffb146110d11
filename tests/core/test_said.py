import copy
import json
import pickle
from dataclasses import asdict, replace

import pytest

from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, capped, error, ordered
from pipeline.core.said import (
    Said,
    as_json,
    joined,
    kept,
    read_json,
    recalled,
    said,
    sentences,
)

KINDS = said("polygons")
SENTENCE = said("{count:,} files of '{name}' hold {kinds}.", count=1200, name="a", kinds=KINDS)


def same(one: object, other: Said) -> bool:
    return isinstance(one, Said) and (one, one.template, one.values) == (
        other,
        other.template,
        other.values,
    )


def test_a_sentence_is_english_text_that_remembers_its_values() -> None:
    assert SENTENCE == "1,200 files of 'a' hold polygons."
    assert SENTENCE.values == {"count": 1200, "name": "a", "kinds": KINDS}


def test_one_without_values_may_have_braces() -> None:
    assert said("one of {0, 1}") == "one of {0, 1}"


def test_values_can_be_printed_and_braces_in_them_stay() -> None:
    assert said("'{name}'", name="\ud800{x}") == "'\\ud800{x}'"


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_copies_remember_too(copied) -> None:  # type: ignore[no-untyped-def]
    finding = copied(error("code", SENTENCE, next=said("Go.")))
    assert same(finding.message, SENTENCE) and same(finding.next, said("Go."))


def test_a_document_that_was_kept_is_read_with_its_sentences() -> None:
    names = {"said": {"images": 1}, "values": {"images": 2}}  # what people may call their classes
    finding = error("code", SENTENCE, next="plain")
    read = read_json(as_json({"names": names, "found": [asdict(finding)]}))
    assert read["names"] == names
    assert Finding(**read["found"][0]) == finding
    assert same(read["found"][0]["message"], SENTENCE)
    assert not isinstance(read["found"][0]["next"], Said)


def test_what_changes_of_a_list_of_findings_is_said_in_every_language() -> None:
    found = [replace(error("code", SENTENCE), where=str(at)) for at in range(1_250)]
    last = capped(found)[-1]
    assert last.message == "1,230 more places like the 20 before."
    assert isinstance(last.message, Said)
    assert ordered([error("code", SENTENCE), error("code", str(SENTENCE))]) == [
        error("code", SENTENCE)
    ]


def test_errors_remember_and_hide_secrets_in_values() -> None:
    reason = InputError(SENTENCE, next=said("Ask {url}.", url="http://kim:secret@mlflow:5000"))
    assert same(reason.message, SENTENCE)
    assert same(reason.next, said("Ask {url}.", url="http://mlflow:5000"))


def test_a_secret_that_only_the_sentence_shows_costs_its_translation() -> None:
    reason = InputError(said("http://{user}:{word}@mlflow:5000", user="kim", word="secret"))
    assert reason.message == "http://mlflow:5000" and not isinstance(reason.message, Said)


def test_what_is_kept_beside_a_text_makes_the_sentence_again() -> None:
    beside = json.loads(json.dumps(kept(SENTENCE)))
    assert same(recalled(str(SENTENCE), beside), SENTENCE)
    assert kept("plain") is None
    assert recalled("plain", None) == "plain"


@pytest.mark.parametrize(
    "beside",
    [
        kept(said("another {name}", name="text")),
        {"said": "text"},
        {"said": 1, "values": {}},
        {"said": "{x.__class__}", "values": {"x": "text"}},
        {"said": "{x[0]}ext", "values": {"x": "t"}},
        {"said": "{x!s}", "values": {"x": "text"}},
        {"said": "{x:>9999999999}", "values": {"x": "text"}},
        {"said": "{x:{y}}", "values": {"x": "text", "y": ""}},
        {"said": "{x:.1f}", "values": {"x": 10**400}},
        {"said": "{x", "values": {"x": "text"}},
        {"said": "{x}", "values": {}},
        {"said": "{x}", "values": {"x": ["text"]}},
        {"said": "{x}", "values": {"x": {"said": "{y}" * 2000, "values": {"y": "t" * 2000}}}},
        ["text"],
        "text",
    ],
)
def test_what_is_kept_may_be_anything_and_then_the_text_stays_as_it_is(beside: object) -> None:
    text = recalled("text", beside)
    assert text == "text" and not isinstance(text, Said)


def test_templates_within_templates_cannot_grow_without_end() -> None:
    beside: object = {"said": "text", "values": {}}
    for _ in range(40):
        beside = {"said": "{x}{x}", "values": {"x": beside}}
    assert not isinstance(recalled("text", beside), Said)


def test_joined_texts_remember_their_parts_and_leave_out_empty_ones() -> None:
    both = joined(["", SENTENCE, "plain"])
    assert both == f"{SENTENCE}; plain"
    assert isinstance(both, Said) and same(both.values["one"], SENTENCE)  # type: ignore[arg-type]
    assert sentences("", SENTENCE) is SENTENCE
    assert sentences() == joined([]) == ""
