"""Connections to the KFP API and to Kubernetes: addresses, credentials, time-outs, repeats."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.addresses import basic_auth
from pipeline.core.imports import IMPORTING
from pipeline.core.settings import Settings
from pipeline.engines.kubeflow.errors import translated

# Where a pod has the token that only KFP takes. Its general one opens Kubernetes itself, and
# KFP_ENDPOINT may be anybody's host.
POD_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
CONNECT_S = 3.05
READ_S = 20.0
# Only what changes nothing is asked again; a submit that was cut off is looked up instead.
_SAFE = ("GET", "HEAD")
_REPEATS = 2
_BACKOFF_S = 0.2
_CONNECTIONS = 16


class Kfp:
    """The KFP API (v1beta1), through kfp 1.8's generated client; thread-safe.

    Parameters
    ----------
    settings
        Endpoint and credentials.
    pod_token
        File with a pod's token for KFP; there need not be one.
    """

    def __init__(self, settings: Settings, pod_token: Path = POD_TOKEN) -> None:
        self.endpoint = settings.kfp_endpoint.rstrip("/")
        if "://" not in self.endpoint:
            self.endpoint = f"http://{self.endpoint}"
        # The client sends no user of an address, but says the address when something goes wrong.
        self.endpoint, self._login = basic_auth(self.endpoint)
        self._settings = settings
        self._pod_token = pod_token
        self._making = threading.Lock()
        self._client: Any = None

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Ask; the answer is parsed JSON."""
        return self._call("GET", path, query or {}, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something; never repeated by itself."""
        return self._call("POST", path, {}, body)

    def delete(self, path: str) -> None:
        """Remove something."""
        self._call("DELETE", path, {}, None)

    def text(self, path: str) -> bytes:
        """Ask for something that is not JSON."""
        return self._send("GET", path, {}, None)

    def _call(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> Any:
        with translated(self.endpoint):
            return json.loads(self._send(method, path, query, body) or b"{}")

    def _send(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> bytes:
        with translated(self.endpoint):
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            answer = self._api_client().call_api(
                f"/apis/{path}",
                method,
                query_params=[
                    (key, value) for key, value in query.items() if value not in ("", None)
                ],
                header_params=headers,
                body=body,
                auth_settings=["Bearer"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=(CONNECT_S, READ_S),
            )
            data: bytes = answer.data
            return data

    def _api_client(self) -> Any:
        with self._making:
            if self._client is None:
                self._client = self._make()
            return self._client

    def _make(self) -> Any:
        # kfp's generated client takes 0.2 s to import, and only whoever asks the cluster needs it.
        with IMPORTING:
            import kfp_server_api
            from kfp_server_api.rest import urllib3

        configuration = kfp_server_api.Configuration(host=self.endpoint)
        configuration.retries = urllib3.util.Retry(
            total=_REPEATS,
            backoff_factor=_BACKOFF_S,
            allowed_methods=_SAFE,
            status_forcelist=(502, 503, 504),
            raise_on_status=False,
            redirect=0,
        )
        configuration.connection_pool_maxsize = _CONNECTIONS
        if self._token():
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.refresh_api_key_hook = self._refresh
            self._refresh(configuration)
        client = kfp_server_api.ApiClient(configuration, cookie=self._settings.kfp_cookie or None)
        if self._login and not self._token():
            client.set_default_header("Authorization", self._login)
        return client

    def _refresh(self, configuration: Any) -> None:
        configuration.api_key["authorization"] = self._token()

    def _token(self) -> str:
        """Give the bearer token; a pod's rotates, so its file is read for every call."""
        if self._settings.kfp_token or self._settings.kfp_cookie or self._login:
            return self._settings.kfp_token
        try:
            return self._pod_token.read_text(encoding="utf-8").strip()
        except OSError:
            return ""  # outside a pod, or in one without this token


def kubernetes_api() -> Any:
    """Give a client for pods, events and nodes: a pod's own, else the kubeconfig's, else None."""
    # Most of a second to import, and a launch needs it only to say what a pod waits for.
    with IMPORTING:
        import kubernetes

    configuration = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_incluster_config(client_configuration=configuration)
    except kubernetes.config.ConfigException:
        try:
            # Its own default is what the variable said when the library was imported.
            kubernetes.config.load_kube_config(
                os.environ.get("KUBECONFIG"), client_configuration=configuration
            )
        except (kubernetes.config.ConfigException, OSError):
            return None
    configuration.retries = False
    return kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
