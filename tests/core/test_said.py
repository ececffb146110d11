import copy
import pickle
from dataclasses import asdict, replace

import pytest

from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, capped, error, ordered
from pipeline.core.said import Said, as_json, read_json, said

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
