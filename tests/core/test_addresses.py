"""Addresses, alone and in messages, show nobody's password."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.addresses import bare, basic_auth, is_secret, shown, shown_webhook

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x3000), min_size=1, max_size=12)
HOSTS = st.sampled_from(["mlflow", "mlflow.lab:5000", "[::1]:5000", "127.0.0.1:80", "a-b.c"])
SCHEMES = st.sampled_from(
    ["http", "HTTPS", "Http", "postgresql", "mysql+pymysql", "postgresql+psycopg2", "s3", "ftp"]
)
AROUND = st.sampled_from(
    ["{}", "{}/api/2.0", "it is '{}', no address", "({}) timed out", "{}: refused", '"{}"', "{}."]
)


@given(SCHEMES, WORDS, WORDS, HOSTS, AROUND)
def test_no_user_and_no_password_is_shown(
    scheme: str, user: str, password: str, host: str, around: str
) -> None:
    address = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host}"
    assert shown(around.format(address)) == around.format(f"{scheme}://{host}")


@given(SCHEMES, WORDS, HOSTS)
def test_no_token_that_stands_for_the_user_is_shown(scheme: str, token: str, host: str) -> None:
    assert shown(f"{scheme}://{quote(token, safe='')}@{host}/a") == f"{scheme}://{host}/a"


@given(HOSTS, HOSTS, AROUND)
def test_addresses_that_hold_no_secret_stay_as_they_are(one: str, two: str, around: str) -> None:
    text = around.format(f"http://{one}") + f" and https://{two}/x/@y?page=2#/runs/3"
    assert shown(text) == text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("http://kim:p@ss@mlflow:5000/a", "http://mlflow:5000/a"),
        ("http://kim:S3/cr?t#x@mlflow:5000", "http://mlflow:5000"),
        ("http://kim:S3 cret@mlflow:5000", "http://mlflow:5000"),
        ("http://:S3cret@mlflow", "http://mlflow"),
        ("http:///kim:S3cret@mlflow", "http:///mlflow"),
        ("//kim:S3cret@mlflow/x", "//mlflow/x"),
        ("kim:S3cret@kfp:8888", "kfp:8888"),
        ("kim:S3@cret@[::1]:8888/pipeline", "[::1]:8888/pipeline"),
        ("S3cret@kfp:8888", "kfp:8888"),
        ("S3cret@kfp", "kfp"),
        ("'S3cret@127.0.0.1:99' is no port", "'127.0.0.1:99' is no port"),
        ("a http://k:S3cret@b, http://l:S3cret@c!", "a http://b, http://c!"),
        ("http://k:S3cret@b,http://l:S3cret@c", "http://b,http://c"),
        ("http://h/x?page=2&Access_Token=S3cret", "http://h/x?page=2&Access_Token=…"),
        ("http://h/?X-Amz-Signature=S3cret&sig=S3cret;key=S3cret", None),
        ("http://h/#id_token=S3cret", None),
        ("http://h/?x=S3cretS3cretS3cretS3cret", None),
        ("https://hooks.slack.com/services/T1/B2/S3cret", "https://hooks.slack.com/…"),
        ("POST https://discord.com/api/webhooks/1/S3cret", "POST https://discord.com/…"),
        ("http://k:S3cret@h/hooks/S3cret?a=1", "http://h/…"),
        (
            "mysql+pymysql://kim:S3cret@db/mlflow?charset=utf8",
            "mysql+pymysql://db/mlflow?charset=utf8",
        ),
    ],
)
def test_tricky_forms(given: str, said: str | None) -> None:
    assert "S3" not in shown(given) and "cret" not in shown(given)
    assert said is None or shown(given) == said
    assert shown(shown(given)) == shown(given)
    assert is_secret(given)


@pytest.mark.parametrize(
    "text",
    [
        *("", "sqlite:////tmp/kim@home/a b.db", "sqlite:///a.db", "/mlruns", "models:/shapes@best"),
        *(
            "registry:5000/slipway@sha256:00aa",
            "ghcr.io/a/slipway:1@sha256:00aa",
            "s3://bucket/a@b",
        ),
        *("data.yaml:3: 'nc' is 4, not 3.", "10:05:00 @kim says so", "kim@lab.org launched it"),
        *("http://kfp:many", "http://[bad", "http://mlflow:5000/a?b"),
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert shown(text) == text
    assert not is_secret(text)


def test_of_a_webhook_no_more_than_its_server_is_shown() -> None:
    assert shown_webhook("https://kim:S3cret@chat.lab:8/S3cret/T1?S3cret") == "https://chat.lab:8/…"
    assert shown_webhook("chat.lab/S3cret") == "chat.lab/…"
    assert shown_webhook("") == ""


def test_a_bare_address_can_still_be_used() -> None:
    assert bare("http://kim:S3cret@mlflow:5000/a?page=2") == "http://mlflow:5000/a?page=2"
    assert bare("http://mlflow:5000/a?page=2&token=S3cret") == "http://mlflow:5000/a"


@pytest.mark.parametrize(
    ("address", "plain", "said"),
    [
        ("http://kim:p%40ss@h:1/a?b", "http://h:1/a?b", "kim:p@ss"),
        ("http://k%20im@h", "http://h", "k im:"),
        ("http://kim:p@s/s@h", "http://h", "kim:p@s/s"),
        ("http://h:1/@kim", "http://h:1/@kim", None),
        ("h:1", "h:1", None),
    ],
)
def test_credentials_can_be_sent_as_a_header(address: str, plain: str, said: str | None) -> None:
    header = "" if said is None else f"Basic {b64encode(said.encode()).decode()}"
    assert basic_auth(address) == (plain, header)
