"""No exception of a client leaves the engine, and each says what to do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.core.errors import EngineUnreachable, InputError, RunNotFound, SlipwayError
from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from pipeline.engines.registry import make_engine
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail, run_id

PATH = f"/apis/v1beta1/runs/{run_id(1)}"


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, EngineUnreachable, "refuses these credentials (401): who are you"),
        (403, EngineUnreachable, "refuses these credentials (403)"),
        (404, RunNotFound, f"no run '{run_id(1)}'"),
        (400, InputError, "does not accept it: who are you"),
        (500, EngineUnreachable, "answers 500: who are you"),
        (503, EngineUnreachable, "answers 503"),
    ],
)
def test_each_status_is_one_of_our_errors(
    api: FakeKfp, engine: Engine, status: int, kind: type[SlipwayError], words: str
) -> None:
    api.answers["GET", PATH] = (status, json.dumps({"message": "who are you"}).encode())
    with pytest.raises(kind) as caught:
        engine.get(run_id(1))
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert caught.value.next or kind is InputError


def test_what_is_out_of_order_for_a_moment_is_asked_again(api: FakeKfp, engine: Engine) -> None:
    api.answers["GET", PATH] = (503, b"")
    with pytest.raises(EngineUnreachable):
        engine.get(run_id(1))
    assert api.asked(PATH) == 3


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b"{", b"\xff\xfe"])
def test_a_login_page_is_no_answer(api: FakeKfp, engine: Engine, body: bytes) -> None:
    api.answers["GET", PATH] = (200, body)
    with pytest.raises(EngineUnreachable, match="no KFP answer, such as a login page"):
        engine.get(run_id(1))


def test_a_closed_port_is_no_connection(fake_settings: Settings) -> None:
    away = make_engine(replace(fake_settings, kfp_endpoint="http://127.0.0.1:9"))
    for ask in (lambda: away.get(run_id(1)), away.list_runs, lambda: away.stop(run_id(1))):
        with pytest.raises(EngineUnreachable, match="does not answer: no connection"):
            ask()


def test_a_stop_that_kfp_refuses_is_fine_when_the_run_is_stopping(
    api: FakeKfp, engine: Engine
) -> None:
    api.answers["POST", f"{PATH}/terminate"] = (400, b'{"message": "cannot be terminated"}')
    api.add(run_detail(1, pod("train", "Running"), spec={"activeDeadlineSeconds": 0}))
    engine.stop(run_id(1))
    api.add(run_detail(1, pod("train", "Running")))
    with pytest.raises(InputError, match="cannot be terminated"):
        engine.stop(run_id(1))


def test_a_launch_whose_answer_is_lost_is_found_again(api: FakeKfp, engine: Engine) -> None:
    api.cuts_after_creating = True
    document = {"spec": {"arguments": {"parameters": [{"name": "launch", "value": "l-1"}]}}}
    first = engine.submit(document, "l-1")
    assert engine.submit(document, "l-1") == first
    assert len(api.details) == 1


def test_characters_that_the_database_refuses_are_named(api: FakeKfp, engine: Engine) -> None:
    words = "Error 1366: Incorrect string value: '\\xED\\x95\\x98' for column 'Name'"
    api.answers["POST", "/apis/v1beta1/runs"] = (500, json.dumps({"message": words}).encode())
    with pytest.raises(InputError, match="Latin-1"):
        engine.submit({"spec": {}}, "l-1")
