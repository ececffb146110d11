"""Who we say we are to the KFP API."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings
from pipeline.engines.kubeflow.connect import POD_TOKEN, Kfp
from tests.engines.kubeflow.fake_api import FakeKfp


def said(api: FakeKfp, settings: Settings, pod_token: Path) -> str:
    """Ask the API something, and give the credentials that it got."""
    Kfp(settings, pod_token).get("v1beta1/healthz")
    return api.requests[-1][2]


@pytest.fixture
def pod_token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("of-the-pod\n", encoding="utf-8")
    return path


def test_only_a_token_made_for_kfp_is_sent_by_itself(
    api: FakeKfp, fake_settings: Settings, pod_token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file system of a pod that has its service account's general token and none for KFP.
    read = Path.read_text

    def read_text(path: Path, encoding: str = "utf-8") -> str:
        if str(path) == "/var/run/secrets/kubernetes.io/serviceaccount/token":
            return "opens-kubernetes"
        return read(path, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert said(api, fake_settings, POD_TOKEN) == ""
    assert said(api, fake_settings, pod_token) == "Bearer of-the-pod"


def test_a_pods_token_is_read_anew_for_every_call(
    api: FakeKfp, fake_settings: Settings, pod_token: Path
) -> None:
    kfp = Kfp(fake_settings, pod_token)
    for token in ("first", "second"):
        pod_token.write_text(token, encoding="utf-8")
        kfp.get("v1beta1/healthz")
    assert [entry[2] for entry in api.requests] == ["Bearer first", "Bearer second"]


def test_what_a_person_set_goes_first(
    api: FakeKfp, fake_settings: Settings, pod_token: Path
) -> None:
    token = replace(fake_settings, kfp_token="of-a-person")
    cookie = replace(fake_settings, kfp_cookie="authservice_session=abc")
    assert said(api, token, pod_token) == "Bearer of-a-person"
    assert said(api, cookie, pod_token) == "authservice_session=abc"


def test_user_and_password_of_the_address_are_sent_and_not_said(
    api: FakeKfp, fake_settings: Settings, pod_token: Path
) -> None:
    address = fake_settings.kfp_endpoint.replace("://", "://kim:S3c%40ret@")
    named = replace(fake_settings, kfp_endpoint=address)
    assert said(api, named, pod_token) == f"Basic {b64encode(b'kim:S3c@ret').decode()}"
    assert said(api, replace(named, kfp_token="t0ken"), pod_token) == "Bearer t0ken"
    with pytest.raises(EngineUnreachable) as caught:
        Kfp(replace(named, kfp_endpoint="http://kim:S3c%40ret@127.0.0.1:9"), pod_token).get("x")
    assert "S3c" not in str(caught.value) and "http://127.0.0.1:9" in str(caught.value)
