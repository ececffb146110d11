"""What pods are told of MLflow: its address as they reach it, without who may write there."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.core.addresses import bare, is_secret
from pipeline.core.engines import traits_of
from pipeline.core.findings import Finding, warning
from pipeline.core.said import said
from pipeline.core.settings import Settings

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def document_tracking_uri(settings: Settings) -> str:
    """Give MLflow's address as a workflow says it: without user and password, or empty."""
    return bare(_asked(settings))


def check_pod_settings(settings: Settings) -> list[Finding]:
    """Find what keeps the pods of a run from tracking it; nothing where steps are no pods."""
    if not traits_of(settings.engine).in_cluster:
        return []
    uri = _asked(settings)
    return [*_check_credentials(settings, uri), *_check_reach(uri)]


def _asked(settings: Settings) -> str:
    if traits_of(settings.engine).in_cluster and settings.pod_tracking_uri:
        return settings.pod_tracking_uri
    return settings.tracking_uri


def _check_credentials(settings: Settings, uri: str) -> list[Finding]:
    if not is_secret(uri):
        return []
    variable = "MLFLOW_TRACKING_URI" if uri == settings.tracking_uri else "SLIPWAY_POD_TRACKING_URI"
    # Neither the user, which may be a token, nor the password: findings are logged and stored.
    command = (
        f"kubectl -n {settings.kfp_namespace} create secret generic {settings.secret_name}"
        f" --from-literal=MLFLOW_TRACKING_USERNAME=…"
        " --from-literal=MLFLOW_TRACKING_PASSWORD=…"
    )
    return [
        warning(
            "credentials-in-address",
            said(
                "pods get {variable} without its user and password, from the Secret "
                "'{secret_name}' instead.",
                variable=variable,
                secret_name=settings.secret_name,
            ),
            where=variable,
            next=said("Unless that has them: {command}", command=command),
        )
    ]


def _check_reach(uri: str) -> list[Finding]:
    parts = urlsplit(bare(uri))
    is_remote = parts.scheme in ("http", "https") and parts.hostname not in _THIS_MACHINE
    if is_remote:
        return []
    message = said(
        "the MLflow of this machine is out of reach of pods; metrics stay in the run folder until "
        "'slipway track RUN'."
    )
    if uri:
        message = said(
            "'{uri}' is out of reach of pods; metrics stay in the run folder until "
            "'slipway track RUN'.",
            uri=bare(uri),
        )
    return [
        warning(
            "tracking-not-for-pods",
            message,
            where="SLIPWAY_POD_TRACKING_URI",
            next=said("Set SLIPWAY_POD_TRACKING_URI to MLflow's address in the cluster."),
        )
    ]
