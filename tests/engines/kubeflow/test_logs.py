"""Which of several sources a log is read from, and when it is all that a step will ever say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.engines.base import Engine
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail
from tests.engines.kubeflow.test_explain import put

PODS = "/api/v1/namespaces/kubeflow/pods"
LOG = f"{PODS}/shapes-train-1/log"
KUBELETS = b"unable to retrieve container logs for containerd://5eb2036b4deeb7714b6bb265dad14370"


@pytest.fixture
def run_id(kubernetes: FakeKfp) -> str:
    """A run that has failed at train just now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    failed = pod("train", "Failed", "Error (exit code 143)", finishedAt=now)
    return kubernetes.add(run_detail(1, failed, status="Failed"))


def archive(api: FakeKfp, run_id: str, data: bytes) -> None:
    path = f"/apis/v1alpha1/runs/{run_id}/nodes/shapes-train-1/log"
    api.answers["GET", path] = (200, data)


def put_pod(api: FakeKfp, *states: dict[str, Any]) -> None:
    statuses = [{"name": "main", "state": state} | _STATUS for state in states]
    found = [
        {
            "metadata": {"name": "shapes-train-1"},
            "spec": {"containers": []},
            "status": {"containerStatuses": statuses},
        }
    ]
    put(api, PODS, {"items": found if states else []})


_STATUS = {"image": "slipway", "imageID": "", "ready": False, "restartCount": 0}
RUNNING = {"running": {"startedAt": "2026-11-24T10:00:00Z"}}
TERMINATED = {"terminated": {"exitCode": 143, "reason": "Error"}}


def test_a_log_goes_on_while_the_pod_of_a_stopped_run_does(
    kubernetes: FakeKfp, engine: Engine, run_id: str
) -> None:
    kubernetes.answers["GET", LOG] = (200, b"epoch 1\nepo")
    put_pod(kubernetes, RUNNING)
    chunk = engine.logs(run_id, "train")
    assert (chunk.text, chunk.is_complete) == ("epoch 1\n", False)
    put_pod(kubernetes, TERMINATED)
    kubernetes.answers["GET", LOG] = (200, b"epoch 1\nepoch 2")
    chunk = engine.logs(run_id, "train", chunk.offset)
    assert (chunk.text, chunk.is_complete) == ("epoch 2", True)


def test_what_kubelet_says_in_place_of_a_log_is_no_log(
    kubernetes: FakeKfp, engine: Engine, run_id: str
) -> None:
    kubernetes.answers["GET", LOG] = (200, KUBELETS)
    put_pod(kubernetes, TERMINATED)
    archive(kubernetes, run_id, KUBELETS)
    chunk = engine.logs(run_id, "train")
    assert (chunk.text, chunk.offset, chunk.is_complete) == ("", 0, False)
    assert "unable" not in engine.get(run_id).message
    put_pod(kubernetes)
    archive(kubernetes, run_id, b"epoch 1\n")
    chunk = engine.logs(run_id, "train")
    assert (chunk.text, chunk.is_complete) == ("epoch 1\n", True)


def test_a_log_that_stays_away_is_not_waited_for(kubernetes: FakeKfp, engine: Engine) -> None:
    run_id = kubernetes.add(run_detail(1, pod("train", "Failed"), status="Failed"))
    archive(kubernetes, run_id, KUBELETS)
    chunk = engine.logs(run_id, "train")
    assert (chunk.text, chunk.is_complete) == ("", True)
