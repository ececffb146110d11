"""Who we say we are to the KFP API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

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
