"""What is printed is JSON whatever is hidden in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.cli.answer import Answer, print_answer, print_error, table
from pipeline.core.errors import UsageError


def printed(document: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    print_answer(Answer(document, ""), as_json=True)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("secret", ['S3"cret"S3', "S3\\cret\\S3", "S3\ncret\nS3", "S3\tcret é한"])
def test_a_secret_that_json_writes_with_escapes_is_hidden(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secret)
    document = {"a": [f"it is {secret}."], secret: (1, None, True)}
    assert printed(document, capsys) == {"a": ["it is …."], "…": [1, None, True]}


def test_a_secret_of_digits_leaves_numbers_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "12345678")
    document = {"bytes": 112345678, "loss": 0.12345678, "text": "12345678", "nan": float("nan")}
    assert printed(document, capsys) == {**document, "text": "…", "nan": None}


def test_errors_are_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KFP_TOKEN", 'S3"cret"S3')
    print_error(UsageError('it is S3"cret"S3.'), as_json=True)
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "it is …."


def test_a_name_takes_one_cell_of_a_table_and_turns_nothing() -> None:
    rows = [["a\nb", 1], ["c\x1b[2Jd", 2], ["e\u202ef", 3], ["g\u2028h\t", 4], ["한글 é", 5]]
    lines = table(("name", "n"), rows).splitlines()
    assert [line.rsplit(maxsplit=1)[0] for line in lines] == [
        "name", r"a\nb", "cd", r"e\u202ef", r"g\u2028h\t", "한글 é"
    ]  # fmt: skip


def test_a_secret_of_several_lines_is_hidden_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "S3\ncret\nS3")
    assert table(("name",), [["it is S3\ncret\nS3"]]).splitlines()[1] == "it is …"
