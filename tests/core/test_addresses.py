"""Addresses, alone and in messages, show nobody's password."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.addresses import (
    bare,
    basic_auth,
    is_secret,
    server_key,
    shown,
    shown_address,
    shown_webhook,
)
from pipeline.core.errors import InputError

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


@pytest.mark.parametrize(
    "text",
    [
        "model 'cam:1@site.pt' is not on the volume",
        "run 'cfg@v3.yaml' is not there",
        "cfgs/cfg@v3.yaml:12",
        "cfg@v3.yaml:1203: 'names' is missing",
        "cam:1@site.yaml:3",
        "train@2x.py:120: it fails",
        "/data//cam:1@site.pt",
        "/mnt/kim@home:8080/x is no folder",
        r"C:\\Users\\kim@lab\\cam:1@site.pt",
        r"D:\cam:1@site.pt",
        "김철수@example.com launched it; cam:1@현장.pt, 설정@2.yaml:3: 'nc' is 4",
        "kim@example.com: 3 runs",
        "kim@example.com",
        "kim.lee+lab@example.com, at 10:05",
        "mAP@50:95 is 0.3, mAP@0.5:0.95 too, AP@.5:.95",
        "slipway:1@sha256:00aa",
        "localhost:5000/slipway:v1@sha256:" + "12" * 32,
        "git@host:team/slipway.git",
        "ssh://host/x git@github.com:22/slipway.git",
        "scp a.pt kim@gpu-box:runs/a.pt",
        "models:/shapes@best:80",
    ],
)
def test_names_of_files_and_people_stay_whole_in_messages(text: str) -> None:
    assert shown(text) == text
    reason = InputError(text, where=text, next=text)
    assert (reason.message, reason.where, reason.next) == (text, text, text)


@pytest.mark.parametrize("secret", ["kim:S3cret@", "S3cret@", "kim:S3@c/r#et@", "DOM\\kim:S3cret@"])
@pytest.mark.parametrize(
    "server", ["kfp:8888", "kfp.lab:80", "[::1]:443", "10.0.0.1:9", "kfp.pt:8080"]
)
@pytest.mark.parametrize(
    "around", ["{}", "'{}'", "{}/a refused", "to {}: no", "to {}.", "url={},", "({})", "{}에서"]
)
def test_a_user_before_a_server_and_a_port_is_hidden_in_messages(
    secret: str, server: str, around: str
) -> None:
    assert shown(around.format(secret + server)) == around.format(server)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("S3cret@kfp", "kfp"),
        ("kim:S3cret@kfp", "kfp"),
        ("kim:S3cret@kfp/pipeline?token=S3cret", "kfp/pipeline?token=…"),
        ("kim:S3cret@host:many", "host:many"),
        ("kim:S3/cret@kfp", "kfp"),
        ("http://kim:S3cret@kfp:8888", "http://kfp:8888"),
        ("//kim:S3cret@kfp", "//kfp"),
    ],
)
def test_of_what_is_an_address_as_a_whole_no_user_is_shown(given: str, said: str) -> None:
    assert shown_address(given) == said
    assert shown_address(said) == said
    assert is_secret(given)


@pytest.mark.parametrize(
    "address", ["sqlite:////tmp/kim@home/a b.db", "/mlruns/a@b", "kfp:8888", ""]
)
def test_an_address_without_a_user_stays(address: str) -> None:
    assert shown_address(address) == bare(address) == server_key(address) == address
    assert not is_secret(address)


# Less than a second each, and minutes where each place looks through all that follows.
@pytest.mark.parametrize(("before", "after"), [("", ""), ("hook @ ", "@h:80/hooks/x?a=b")])
@pytest.mark.parametrize(
    "piece",
    [
        *("//a ", "//a", "//a@", "//a:x", "//a:x/@b", "//:x ", "//[", "://", "http:/", "//\t"),
        *("http://a/", "http://hook/a", "http://hook.", "hook", "hook/", "@ ", "a:a@", "@[a"),
        *("@h:80", "/a@h:80 ", "a@h:80", "@a.", "@a.b", "@1.1", "a", "a:", "[", "?a", "?a=", "=a"),
        *("?aA1", ";a=b", "?token=", "a=b&", "eyJ.", "S3/", "0a-"),
    ],
)
def test_long_texts_are_read_in_time_that_grows_with_their_length(
    before: str, piece: str, after: str
) -> None:
    text = before + piece * (200_000 // len(piece)) + after
    assert len(shown(text)) <= len(text)


def test_of_a_webhook_no_more_than_its_server_is_shown() -> None:
    assert shown_webhook("https://kim:S3cret@chat.lab:8/S3cret/T1?S3cret") == "https://chat.lab:8/…"
    assert shown_webhook("chat.lab/S3cret") == "chat.lab/…"
    assert shown_webhook("") == ""


def test_a_bare_address_can_still_be_used() -> None:
    assert bare("http://kim:S3cret@mlflow:5000/a?page=2") == "http://mlflow:5000/a?page=2"
    assert bare("http://mlflow:5000/a?page=2&token=S3cret") == "http://mlflow:5000/a"


def test_a_bare_address_has_no_mark_of_what_was_hidden() -> None:
    for address in ("http://m/?token=S3cret", "http://m/;token=S3cret/a", "http://h/hooks/S3cret"):
        assert bare(address) in ("http://m/", "http://h/")


def test_servers_are_told_apart_without_what_opens_them() -> None:
    one, other = (f"http://kim:S3cret@mlflow/?key=S3cret-{name}" for name in "ab")
    assert server_key(one) != server_key(other)
    assert server_key(one) == server_key(one.replace("kim:S3cret", "lee:S3cond"))
    assert "S3" not in server_key(one) and server_key(one).startswith("http://mlflow/")
    assert server_key("kim:S3cret@mlflow") == "mlflow"


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


@pytest.mark.parametrize("password", ["00\n", "\nse\ncret", "a\r\nb", "a\u2028b", "\n"])
def test_a_line_break_in_a_password_ends_no_address(password: str) -> None:
    address = f"http://kim:{password}@mlflow:5000/x"
    assert shown_address(address) == bare(address) == "http://mlflow:5000/x"
    assert is_secret(address)
    assert server_key(address) == "http://mlflow:5000/x"
    word = b64encode(f"kim:{password}".encode()).decode()
    assert basic_auth(address) == ("http://mlflow:5000/x", f"Basic {word}")
