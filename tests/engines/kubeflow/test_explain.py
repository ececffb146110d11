"""Reasons in a run's messages: from Argo, from Kubernetes, from the step itself."""

from __future__ import annotations

import json

import pytest

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from tests.engines.kubeflow.fake_api import FakeKfp, pod, run_detail

KILLED = "Error (exit code 1): open /mainctrfs/tmp/outputs/last_pt/data: no such file or directory"
POD = "/api/v1/namespaces/kubeflow/pods/shapes-train-1"
EVENTS = "/api/v1/namespaces/kubeflow/events"


def put(api: FakeKfp, path: str, document: object, status: int = 200) -> None:
    api.answers["GET", path] = (status, json.dumps(document).encode())


def killed(api: FakeKfp) -> str:
    return api.add(run_detail(1, pod("train", "Error", KILLED), status="Failed"))


def test_kubernetes_knows_that_memory_ran_out(kubernetes: FakeKfp, engine: Engine) -> None:
    end = {"terminated": {"exitCode": 0, "reason": "OOMKilled"}}
    container = {"name": "main", "image": "a", "imageID": "b", "ready": False, "restartCount": 0}
    put(kubernetes, POD, {"status": {"containerStatuses": [{**container, "state": end}]}})
    message = engine.get(killed(kubernetes)).message
    assert message.startswith("train failed: it ran out of memory (OOMKilled). Raise the memory")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_without_kubernetes_the_likely_reason_is_called_likely(
    kubernetes: FakeKfp, engine: Engine, status: int
) -> None:
    put(kubernetes, POD, {"message": "no"}, status)
    assert "most likely for want of memory" in engine.get(killed(kubernetes)).message


def test_a_step_that_waits_says_what_kubernetes_last_warned_of(
    kubernetes: FakeKfp, engine: Engine
) -> None:
    warning = {"involvedObject": {}, "metadata": {}, "type": "Warning"}
    older = warning | {"reason": "Failed", "message": "x", "lastTimestamp": "2026-11-24T10:00:00Z"}
    newer = warning | {
        "reason": "FailedMount",
        "message": "MountVolume.SetUp failed",
        "lastTimestamp": "2026-11-24T10:00:09Z",
    }
    put(kubernetes, EVENTS, {"items": [newer, older]})
    run = engine.get(kubernetes.add(run_detail(1, pod("train", "Pending", "ContainerCreating"))))
    assert run.message.startswith("train waits: the volume cannot be mounted: FailedMount")


def test_what_may_not_be_read_is_not_asked_for_at_every_look(
    kubernetes: FakeKfp, engine: Engine
) -> None:
    put(kubernetes, EVENTS, {"message": "events is forbidden"}, 403)
    run_id = kubernetes.add(run_detail(1, pod("train", "Pending", "ContainerCreating")))
    assert {engine.get(run_id).message for _ in range(3)} == {""}
    assert kubernetes.asked(EVENTS) == 1


def test_a_failed_step_has_its_own_words(
    api: FakeKfp, engine: Engine, fake_settings: Settings
) -> None:
    run_id = api.add(run_detail(1, pod("train", "Failed", "Error (exit code 1)"), status="Failed"))
    log = f"/apis/v1alpha1/runs/{run_id}/nodes/shapes-train-1/log"
    api.answers["GET", log] = (200, b"epoch 1\ntrain failed: cfg-custom has no lr0\n")
    assert engine.get(run_id).message == "train failed: cfg-custom has no lr0"
    assert engine.logs(run_id, "train").text.endswith("has no lr0\n")


def test_kfp_has_no_log_of_a_pod_that_never_ran(api: FakeKfp, engine: Engine) -> None:
    run_id = api.add(run_detail(1, pod("train", "Error", "pod deleted"), status="Failed"))
    log = f"/apis/v1alpha1/runs/{run_id}/nodes/shapes-train-1/log"
    put(api, log, {"error_message": "Failed to retrieve log"}, 500)
    assert engine.get(run_id).message == "train failed: its pod was deleted. Retry the run."
    assert engine.logs(run_id, "train").text == ""
