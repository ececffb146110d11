"""A step's failure: for anybody who reads the file, and for pages in other languages."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.core.findings import error
from pipeline.core.said import Said, said
from pipeline.core.volume.failure import Failure, read_failure, words_of_attempt, write_failure

ERROR = said("lr0 is {value}.", value="x")
FAILURE = Failure(ERROR, "cfg.yaml:3", said("Write a number."), 3)
STARTED = "2026-11-30T10:00:00+00:00"


def test_the_file_holds_plain_texts_and_is_read_with_what_they_were_made_of(tmp_path: Path) -> None:
    path = tmp_path / "failure.json"
    write_failure(path, FAILURE, [error("code", ERROR)])
    document = json.loads(path.read_text())
    assert (document["error"], document["why"], document["next"], document["exit_code"]) == (
        "lr0 is x.",
        "cfg.yaml:3",
        "Write a number.",
        3,
    )
    assert document["findings"][0]["message"] == "lr0 is x."
    found = read_failure(path)
    assert found == FAILURE
    assert isinstance(found.error, Said) and found.error.values == {"value": "x"}
    assert found.words == "lr0 is x. Write a number."


def test_a_file_of_older_code_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "failure.json"
    path.write_text(json.dumps({"error": " it broke. ", "next": None}))
    found = read_failure(path)
    assert found == Failure("it broke.", "", "", None)
    assert not isinstance(found.words, Said)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "[" * 100_000, '{"error": {}, "said": 1}', '{"said": {"error": []}}']
)
def test_a_damaged_file_raises_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "failure.json"
    path.write_text(text)
    found = read_failure(path)
    assert found is None or found.next == ""


def test_the_failure_of_an_earlier_attempt_is_not_that_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "failure.json"
    assert words_of_attempt(path, STARTED) == ""
    write_failure(path, FAILURE)
    assert words_of_attempt(path, STARTED) == FAILURE.words
    assert words_of_attempt(path, "") == ""
    os.utime(path, (0, 0))
    assert words_of_attempt(path, STARTED) == ""
