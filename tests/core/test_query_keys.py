"""Keys in the queries of addresses are hidden, what else stands there is not."""

from __future__ import annotations

import pytest

from pipeline.core.query_keys import without_keys


@pytest.mark.parametrize(
    "text",
    [
        "http://h/run?id=20261123-1432-shapes-yolov8n-k3f9",
        "http://h/run?name=Shapes-YOLOv8n-of-2026-11-23-Evening",
        "http://h/a?path=/data/Runs/2026/shapes-with-a-long-name",
        "http://h/?author=kim&monkey=5&authority=lab&passenger=a&codec=h264&keyboard=x&design=a",
        "http://h/?metric_key=metrics/mAP50&sortKey=epoch",
        "http://h/?digest=sha256:" + "0a" * 32,
        "by author=kim",
        ";path=/data/runs/x",
        "a;code=5",
        "x?y;key=5",
        "a&user=kim&code=5",
        "if a;auth=1;then",
        "http://h/?a=b#/runs/3?search=loss",
        "h=" + "aB3" * 20,
    ],
)
def test_harmless_values_are_shown(text: str) -> None:
    assert without_keys(text) == text


@pytest.mark.parametrize(
    "name",
    [
        *("token", "Access_Token", "accessToken", "x-api-key", "apiKey", "apikey", "key", "sig"),
        *("AWSAccessKeyId", "X-Amz-Signature", "X-Goog-Credential", "client_secret", "PASSWORD"),
        *("code", "auth", "session", "user", "jwt", "my_pw", "id_token", "se%63ret", "authKey2"),
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "http://h/?{}=S3",
        "https://h/a?page=2&{}=S3",
        "/a?{}=S3",
        "h:1/x?a=b;{}=S3",
        "ftp://h/#{}=S3",
    ],
)
def test_values_with_the_name_of_a_key_are_hidden(name: str, form: str) -> None:
    text = form.format(name)
    assert without_keys(f"GET {text} of 'x'") == f"GET {text.replace('S3', '…')} of 'x'"


def test_some_names_say_it_outside_of_addresses_too() -> None:
    assert without_keys("Server=db;Password=S3;Port=5") == "Server=db;Password=…;Port=5"


# As `secrets.token_urlsafe` draws them; the same each time, for workers must collect the same.
DRAWN = [
    "vvrHsZYh-DxTNzkxVRVEDwjBzQH13fXG_ajBL4b1LoPDpd7h8inLOWq6XEEJpeRY",
    "SbCfm7T0IJIflFBFADU1TluYJgdLBJf3xjvi3CAkEhM2N-06wwi83WcKAocFN7gn",
    "58yxEH-vl8n0NDFpSxWY96g7Mfo54QFUbDvx0izdqDQc8RkSFmucyYYU8f7j7ygA",
]


@pytest.mark.parametrize(
    "value",
    [
        *("0a" * 12, "0A" * 32, "123e4567-e89b-12d3-a456-426614174000", "S3cretS3cretS3cretS3cret"),
        *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "aB3%2Bd9Ef%2FgH1jK5Lm7Nq%3D%3D"),
        *DRAWN,
    ],
    ids=str,
)
def test_values_that_look_drawn_are_hidden(value: str) -> None:
    assert without_keys(f"http://h/?x={value}&y=1") == "http://h/?x=…&y=1"
    assert without_keys(f"http://h/?x={value[:6]}&y=1") == f"http://h/?x={value[:6]}&y=1"
