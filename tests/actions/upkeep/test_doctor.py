"""What doctor finds out about Kubeflow: on a real one, on none, and on one that is set up wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.upkeep.doctor import examine
from pipeline.cli.main import main
from pipeline.core.settings import Settings
from tests.engines.kubeflow.fake_api import FakeKfp, api, kubernetes
from tests.kfp_backend import TestVolume, kfp_core, kfp_endpoint, kfp_settings, kfp_volume

__all__ = ["api", "kfp_core", "kfp_endpoint", "kfp_settings", "kfp_volume", "kubernetes"]

CLAIM = "/api/v1/namespaces/kubeflow/persistentvolumeclaims/pvc-local-cocodata"
NAMESPACE = "/api/v1/namespaces/kubeflow"
OF_KUBEFLOW = {"engine kubeflow", "claim", "pods", "nodes"}


@pytest.fixture
def here(both: Installation) -> Installation:
    return both


def checks(here: Installation) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in examine(here)["checks"]}


def put(server: FakeKfp, path: str, document: object, status: int = 200) -> None:
    server.answers["GET", path] = (status, json.dumps(document).encode())


def claim(**spec: Any) -> dict[str, Any]:
    usual = {
        "storageClassName": "train",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "3Gi"}},
    }
    return {"spec": usual | spec, "status": {"phase": "Bound"}}


def test_every_engine_that_is_offered_is_asked(here: Installation, api: FakeKfp) -> None:
    found = checks(here)
    assert found["engine"]["detail"] == "'local' answers, no runs yet."
    said = found["engine kubeflow"]
    assert said["ok"]
    assert said["detail"] == f"KFP 2.0.5 at {api.url} answers, no runs yet."
    assert found["pods"]["detail"] == "they track to http://mlflow:5000."
    assert found["claim"]["detail"].startswith("not looked at: there is neither")
    assert found["nodes"]["detail"].startswith("may not be read")
    assert not OF_KUBEFLOW & set(checks(Installation(replace(here.settings, engines=("local",)))))


def test_an_engine_out_of_reach_is_named_and_the_other_is_not(here: Installation) -> None:
    found = checks(Installation(replace(here.settings, kfp_endpoint="http://127.0.0.1:9")))
    assert found["engine"]["ok"]
    assert not found["engine kubeflow"]["ok"]
    assert "http://127.0.0.1:9 does not answer" in found["engine kubeflow"]["detail"]
    assert "KFP_ENDPOINT" in found["engine kubeflow"]["next"]


def test_out_of_reach_is_exit_code_6(
    here: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KFP_ENDPOINT", "http://127.0.0.1:9")
    words = ["--volume", str(here.settings.volume), "--state", str(here.settings.state)]
    assert main([*words, "doctor", "--json"]) == 6
    document = json.loads(capsys.readouterr().out)
    failed = {check["name"] for check in document["checks"] if not check["ok"]}
    assert "engine kubeflow" in failed
    assert not document["ok"]


def test_refused_credentials_are_told_from_an_outage(here: Installation, api: FakeKfp) -> None:
    put(api, "/apis/v1beta1/runs", {"message": "no token"}, 401)
    said = checks(here)["engine kubeflow"]
    assert "refuses these credentials (401): no token" in said["detail"]
    assert "KFP_TOKEN" in said["next"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"storageClassName": "standard"}, "class 'standard', not 'train' (SLIPWAY_PVC_STORAGE"),
        ({"accessModes": ["ReadWriteMany"]}, "mode ReadWriteMany, not ReadWriteOnce"),
        ({"resources": {"requests": {"storage": "4000Mi"}}}, "size 4000Mi, more than 3Gi"),
    ],
)
def test_a_claim_that_is_not_as_the_settings_say_is_a_mistake(
    here: Installation, kubernetes: FakeKfp, spec: dict[str, Any], words: str
) -> None:
    put(kubernetes, CLAIM, claim(**spec))
    said = checks(here)["claim"]
    assert not said["ok"]
    assert words in said["detail"]
    assert "SLIPWAY_PVC_NAME" in said["next"]


def test_what_may_not_be_read_is_no_mistake(here: Installation, kubernetes: FakeKfp) -> None:
    put(kubernetes, CLAIM, {"message": "persistentvolumeclaims is forbidden"}, 403)
    said = checks(here)["claim"]
    assert said["ok"]
    assert said["detail"].startswith("not looked at: Kubernetes refuses these credentials")


def test_a_missing_claim_is_fine_and_a_missing_namespace_is_not(
    here: Installation, kubernetes: FakeKfp
) -> None:
    put(kubernetes, NAMESPACE, {"metadata": {"name": "kubeflow"}})
    said = checks(here)["claim"]
    assert said["ok"]
    assert "the first run makes it" in said["detail"]
    del kubernetes.answers["GET", NAMESPACE]
    said = checks(here)["claim"]
    assert (said["ok"], said["detail"]) == (False, "there is no namespace 'kubeflow'.")


def test_an_mlflow_that_pods_cannot_reach_is_a_mistake(here: Installation) -> None:
    said = checks(Installation(replace(here.settings, pod_tracking_uri="")))["pods"]
    assert not said["ok"]
    assert "SLIPWAY_POD_TRACKING_URI" in said["next"]
    secret = Installation(replace(here.settings, pod_tracking_uri="http://kim:pass@mlflow:5000"))
    said = checks(secret)["pods"]
    assert said["ok"]  # whether the Secret has them is not for the dashboard to read
    assert "create secret" in said["detail"]
    assert "pass@" not in said["detail"]


@pytest.mark.kubeflow
def test_a_real_one_is_described(kfp_settings: Settings, kfp_volume: TestVolume) -> None:
    found = checks(Installation(kfp_settings))
    assert found["engine"]["detail"].startswith("KFP ")
    assert found["engine local"]["ok"]
    assert found["nodes"]["detail"][0].isdigit()
    said = found["claim"]
    assert said["detail"] == (
        f"'{kfp_volume.claim}' in namespace {kfp_settings.kfp_namespace}"
        " is as the settings say, Bound."
    )
    said = checks(
        Installation(replace(kfp_settings, pvc_storage_class="standard", pvc_size="1Gi"))
    )["claim"]
    assert not said["ok"]
    assert "class 'train', not 'standard'" in said["detail"]
    assert "more than 1Gi" in said["detail"]
    nowhere = Installation(replace(kfp_settings, kfp_namespace="slipway-nowhere"))
    assert "no namespace 'slipway-nowhere'" in checks(nowhere)["claim"]["detail"]
