"""What a real Kubernetes makes of the pods that we ask for."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine
from pipeline.workflow.compile import compile_workflow
from tests.engines.documents import finish, own, step, workflow
from tests.kfp_backend import NAMESPACE

pytestmark = pytest.mark.kubeflow


def test_a_pod_looks_at_the_volumes_root_only(
    kubeflow_engine: Engine, kfp_settings: Settings, kfp_core: Any
) -> None:
    document = workflow(step("verify", "id -G; touch /data/made"), parameters={"launch": own("l")})
    asked = compile_workflow(kfp_settings)["spec"]["securityContext"]
    document["spec"]["securityContext"] = asked
    run = finish(kubeflow_engine, kubeflow_engine.submit(document, own("l")))
    assert run.state is State.SUCCEEDED, run
    assert "1000" in kubeflow_engine.logs(run.id, "verify").text.split()
    pods = kfp_core.list_namespaced_pod(NAMESPACE, label_selector=f"pipeline/runid={run.id}").items
    contexts = [pod.spec.security_context for pod in pods]
    assert {context.fs_group_change_policy for context in contexts} == {"OnRootMismatch"}
