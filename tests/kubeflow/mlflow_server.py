"""A real MLflow server that pods reach by a service's name, with artifacts in the cluster's S3."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.guarded import start_guarded, stop_guarded
from pipeline.core.settings import Settings
from pipeline.tracking.server import LOOPBACK, answers
from tests.kfp_backend import NAMESPACE
from tests.waiting import until

_PORT = int(os.environ.get("SLIPWAY_KFP_MLFLOW_PORT", "5500"))
_S3_PORT = int(os.environ.get("SLIPWAY_KFP_S3_PORT", "9000"))
_NAME = f"mlflow.{NAMESPACE}.svc.cluster.local"
_BUCKET = "mlpipeline"
_KEYS = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}


@dataclass
class MlflowServer:
    """A server whose records outlive its process.

    Parameters
    ----------
    folder
        Database and log.
    secret
        Name of the Kubernetes Secret with S3's keys.
    """

    folder: Path
    secret: str
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--workers", "1", "--no-serve-artifacts"),
            *("--host", LOOPBACK, "--port", str(_PORT)),
            *("--allowed-hosts", f"{LOOPBACK}:{_PORT},{_NAME}:{_PORT}"),
            *("--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.sqlite'}"),
            *("--default-artifact-root", f"s3://{_BUCKET}/{self.secret}"),
        ]
        log = self.folder / "mlflow.log"
        self._process = start_guarded(
            command, log=log, environment=dict(os.environ), folder=self.folder
        )
        until(lambda: answers(f"http://{LOOPBACK}:{_PORT}/health"), log, of=self._process)

    def stop(self) -> None:
        if self._process:
            stop_guarded(self._process)

    def for_pods(self, settings: Settings) -> Settings:
        """Give the settings of a dashboard that tracks here from the cluster."""
        return replace(
            settings,
            tracking_uri=f"http://{LOOPBACK}:{_PORT}",
            pod_tracking_uri=f"http://{_NAME}:{_PORT}",
            s3_endpoint_url=f"http://minio-service.{NAMESPACE}:9000",
            secret_name=self.secret,
        )

    def for_this_machine(self, settings: Settings) -> Settings:
        """Give the settings of a dashboard that tracks here from processes of this machine."""
        return replace(
            settings,
            tracking_uri=f"http://{LOOPBACK}:{_PORT}",
            s3_endpoint_url=f"http://{LOOPBACK}:{_S3_PORT}",
        )

    def artifacts(self, run_id: str) -> set[str]:
        """Give the names of what a run has in S3, as ``step/file``."""
        found = (thing.key for thing in self._bucket().objects.filter(Prefix=self.secret))
        return {key.partition("/artifacts/")[2] for key in found if f"/{run_id}/artifacts/" in key}

    def empty(self) -> None:
        self._bucket().objects.filter(Prefix=self.secret).delete()

    def _bucket(self) -> Any:
        import boto3

        return boto3.resource("s3", endpoint_url=f"http://{LOOPBACK}:{_S3_PORT}").Bucket(_BUCKET)


@pytest.fixture
def mlflow_server(
    kfp_core: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MlflowServer]:
    """A running server; its Secret, artifacts and process are gone after the test."""
    from kubernetes.client import ApiException

    given = kfp_core.read_namespaced_secret("mlpipeline-minio-artifact", NAMESPACE).data
    keys = {key: b64decode(given[name]).decode() for key, name in _KEYS.items()}
    for key, value in keys.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://{LOOPBACK}:{_S3_PORT}")
    made = MlflowServer(tmp_path, f"slipway-test-{secrets.token_hex(4)}")
    body = {"metadata": {"name": made.secret}, "stringData": keys}
    kfp_core.create_namespaced_secret(NAMESPACE, body)
    try:
        made.start()
        yield made
        made.empty()
    finally:
        made.stop()
        with suppress(ApiException):
            kfp_core.delete_namespaced_secret(made.secret, NAMESPACE)
