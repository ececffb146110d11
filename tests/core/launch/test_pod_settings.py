"""What pods are told of MLflow, and what a person is told about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.launch.pod_settings import check_pod_settings, document_tracking_uri
from pipeline.core.settings import Settings

CLUSTER = Settings(volume=Path("/v"), state=Path("/s"), engine="kubeflow", kfp_namespace="team")


def test_only_user_and_password_are_dropped() -> None:
    asked = replace(CLUSTER, tracking_uri="https://kim:p%40ss@mlflow:5000/a?b")
    assert document_tracking_uri(asked) == "https://mlflow:5000/a?b"
    for address in ("", "sqlite:////tmp/a b.db", "/mlruns", "http://mlflow:5000"):
        assert document_tracking_uri(replace(CLUSTER, tracking_uri=address)) == address


def test_pods_get_their_own_address_only_on_kubeflow() -> None:
    both = replace(CLUSTER, tracking_uri="http://127.0.0.1:1", pod_tracking_uri="http://a:b@mlflow")
    assert document_tracking_uri(both) == "http://mlflow"
    assert document_tracking_uri(replace(both, engine="local")) == "http://127.0.0.1:1"
    assert document_tracking_uri(replace(CLUSTER, tracking_uri="http://x")) == "http://x"


def test_credentials_go_into_the_secret_by_a_command_that_does_not_show_them() -> None:
    asked = replace(CLUSTER, tracking_uri="http://k%20im:geheim@mlflow", secret_name="ours")
    (finding,) = check_pod_settings(asked)
    assert (finding.severity, finding.where) == ("warning", "MLFLOW_TRACKING_URI")
    assert "kubectl -n team create secret generic ours" in finding.next
    assert "--from-literal=MLFLOW_TRACKING_USERNAME=…" in finding.next
    assert "geheim" not in str(finding) and "im" not in finding.next.partition("USERNAME")[2][:6]
    assert check_pod_settings(replace(asked, engine="local")) == []


@pytest.mark.parametrize("address", ["", "sqlite:////s/mlflow.db", "http://localhost:5000"])
def test_an_mlflow_that_pods_do_not_reach_is_a_warning(address: str) -> None:
    (finding,) = check_pod_settings(replace(CLUSTER, tracking_uri=address))
    assert (finding.code, finding.where) == ("tracking-not-for-pods", "SLIPWAY_POD_TRACKING_URI")
    reached = replace(CLUSTER, tracking_uri=address, pod_tracking_uri="http://mlflow:5000")
    assert check_pod_settings(reached) == []
