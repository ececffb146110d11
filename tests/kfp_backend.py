"""A real Kubeflow Pipelines backend for tests; import the fixtures that a conftest needs.

``KFP_ENDPOINT`` points at any KFP; without it the stack's usual address is tried. Tests that need
it carry the mark ``kubeflow``; they are skipped where there is none, and fail where
``SLIPWAY_REQUIRE_KUBEFLOW=1`` says that there must be one.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.settings import Settings
from tests.waiting import until

# Read at import: every test has the settings of whoever runs it taken out of the environment.
NAMESPACE = os.environ.get("KFP_NAMESPACE", "kubeflow")
_GIVEN = os.environ.get("KFP_ENDPOINT", "")
_TOKEN = os.environ.get("KFP_TOKEN", "")
_COOKIE = os.environ.get("KFP_COOKIE", "")
_IS_REQUIRED = os.environ.get("SLIPWAY_REQUIRE_KUBEFLOW", "") == "1"
_REPOSITORY = Path(__file__).resolve().parents[1]
_STACK = Path(os.environ.get("SLIPWAY_KFP_STACK", _REPOSITORY.parent / "shared" / "kfp-stack"))
_HOME = Path(os.environ.get("SLIPWAY_KFP_HOME", Path.home() / ".cache" / "slipway-kfp"))
_VOLUME_PATH = os.environ.get("SLIPWAY_TEST_VOLUME_PATH_COMMAND", str(_STACK / "volume-path"))
USUAL_ENDPOINT = "http://127.0.0.1:8888"
# An image with sh and python that the cluster has or can pull.
IMAGE = os.environ.get("SLIPWAY_TEST_IMAGE", "python:3.11-slim")


@dataclass(frozen=True)
class TestVolume:
    """A claim in the cluster and the folder of this machine that is behind it."""

    __test__ = False

    claim: str
    path: Path


@pytest.fixture(scope="session")
def kfp_endpoint() -> str:
    """Give the address of a KFP API that answers."""
    endpoint = _GIVEN or USUAL_ENDPOINT
    try:
        with urllib.request.urlopen(f"{endpoint}/apis/v1beta1/healthz", timeout=5):
            return endpoint
    except urllib.error.HTTPError:
        return endpoint  # it answers, and wants credentials
    except OSError as reason:
        message = f"no Kubeflow Pipelines at {endpoint} ({reason}); point at any by KFP_ENDPOINT."
    if _IS_REQUIRED:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def kfp_settings(kfp_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings for that KFP, with an empty volume and state of this test's own."""
    if "KUBECONFIG" not in os.environ and (_HOME / "kubeconfig").is_file():
        monkeypatch.setenv("KUBECONFIG", str(_HOME / "kubeconfig"))
    (tmp_path / "volume").mkdir(exist_ok=True)
    return Settings(
        volume=tmp_path / "volume",
        state=tmp_path / "kubeflow-state",
        engine="kubeflow",
        engines=("local", "kubeflow"),
        kfp_endpoint=kfp_endpoint,
        kfp_namespace=NAMESPACE,
        kfp_token=_TOKEN,
        kfp_cookie=_COOKIE,
        pvc_name=f"slipway-test-{secrets.token_hex(4)}",
    )


@pytest.fixture
def kfp_core(kfp_settings: Settings) -> Any:
    """Kubernetes' own API, for claims, pods and the like."""
    from pipeline.engines.kubeflow.connect import kubernetes_api

    api = kubernetes_api()
    if api is None:
        message = "no Kubernetes API; set KUBECONFIG to the cluster's."
        pytest.fail(message) if _IS_REQUIRED else pytest.skip(message)
    return api


@pytest.fixture
def kfp_volume(kfp_settings: Settings, kfp_core: Any) -> Iterator[TestVolume]:
    """A bound claim with the name that the settings have; gone after the test."""
    body = {
        "metadata": {"name": kfp_settings.pvc_name},
        "spec": {
            "accessModes": [kfp_settings.pvc_access_mode],
            "storageClassName": kfp_settings.pvc_storage_class,
            "resources": {"requests": {"storage": kfp_settings.pvc_size}},
        },
    }
    kfp_core.create_namespaced_persistent_volume_claim(NAMESPACE, body)
    try:
        yield TestVolume(kfp_settings.pvc_name, _path_of(kfp_core, kfp_settings.pvc_name))
    finally:
        delete_claim(kfp_core, kfp_settings.pvc_name)


def delete_claim(core: Any, name: str) -> None:
    """Remove a claim, with the pods that still hold it; fine when there is none."""
    from kubernetes.client import ApiException

    for pod in core.list_namespaced_pod(NAMESPACE).items:
        volumes = pod.spec.volumes or []
        claims = {
            volume.persistent_volume_claim.claim_name
            for volume in volumes
            if volume.persistent_volume_claim
        }
        if name in claims:
            with suppress(ApiException):
                core.delete_namespaced_pod(pod.metadata.name, NAMESPACE, grace_period_seconds=0)
    try:
        core.delete_namespaced_persistent_volume_claim(name, NAMESPACE)
    except ApiException as reason:
        if reason.status != 404:
            raise


def _path_of(core: Any, claim: str) -> Path:
    read = core.read_namespaced_persistent_volume_claim
    until(lambda: read(claim, NAMESPACE).status.phase == "Bound", f"{claim} is not bound")
    command = [*shlex.split(_VOLUME_PATH), claim]
    return Path(subprocess.run(command, check=True, text=True, capture_output=True).stdout.strip())
