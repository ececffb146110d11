"""Values of secret variables are in nothing that is printed or logged; all else stays readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.hiding import hidden, without_values


def test_the_longest_value_is_hidden_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_PASSWORD", "password1")
    monkeypatch.setenv("B_PASSWORD", "password1-long-tail")
    monkeypatch.setenv("C_TOKEN", "a-password1-long-tail")
    assert without_values("password1-long-tail a-password1-long-tail password1") == "… … …"


def test_a_file_with_a_secret_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = tmp_path / "token"
    plain.write_text("x")
    paths = (
        "/home/kim/gcp.json",
        "~/keys/gcp.json",
        r"C:\\kim\\gcp.json",
        "./keys/a.pem",
        str(plain),
    )
    for path in paths:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
        assert hidden(f"{path} cannot be read") == f"{path} cannot be read"


def test_a_key_that_begins_like_a_path_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "/aB3+d9Ef/gH1jK5Lm7Nq")
    assert hidden("it is /aB3+d9Ef/gH1jK5Lm7Nq") == "it is …"


@pytest.mark.parametrize("scheme", ["", "http://", "postgresql://"])
def test_the_password_of_an_address_is_hidden(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}kim:long%20S3cret@mlflow")
    assert hidden("long%20S3cret long S3cret kim mlflow") == "… … kim mlflow"


def test_a_change_of_the_environment_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("first-S3cret", "other-S3cret"):
        monkeypatch.setenv("KFP_TOKEN", value)
        assert hidden(f"it is {value}") == "it is …"
    monkeypatch.delenv("KFP_TOKEN")
    assert hidden("it is other-S3cret") == "it is other-S3cret"
