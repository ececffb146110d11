"""An MLflow server with our guard in front of every path: ``mlflow server`` and its options.

MLflow 3.5 checks hosts by patterns that a foreign name can fit, and origins on ``/api/`` alone
(mlflow#20832), while its pages use ``/ajax-api/``. Here its own check is off and the guard's on.
``--allowed-hosts`` (``MLFLOW_SERVER_ALLOWED_HOSTS``) holds names and addresses, no patterns.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import mlflow.server
import uvicorn
from mlflow.cli import cli

from pipeline.access.guard import App, Guard
from pipeline.access.hosts import Host, allowed_hosts, parse_hosts, require_listenable
from pipeline.core.errors import SlipwayError, UsageError

HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
# MLflow's pages run code of their own making and show artifacts in frames of their own.
CONTENT_POLICY = "frame-ancestors 'self'"
_LISTENS_ON = "SLIPWAY_MLFLOW_LISTENS_ON"
_TOLD_BY = "SLIPWAY_MLFLOW_HOSTS_TOLD_BY"
_NO_OTHER_CHECK = "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"
# What MLflow tells its app by; each value is an option of ``mlflow server``, resolved.
_TOLD = {
    "file_store_path": mlflow.server.BACKEND_STORE_URI_ENV_VAR,
    "registry_store_uri": mlflow.server.REGISTRY_STORE_URI_ENV_VAR,
    "default_artifact_root": mlflow.server.ARTIFACT_ROOT_ENV_VAR,
    "serve_artifacts": mlflow.server.SERVE_ARTIFACTS_ENV_VAR,
    "artifacts_only": mlflow.server.ARTIFACTS_ONLY_ENV_VAR,
    "artifacts_destination": mlflow.server.ARTIFACTS_DESTINATION_ENV_VAR,
    "static_prefix": mlflow.server.STATIC_PREFIX_ENV_VAR,
    "expose_prometheus": mlflow.server.PROMETHEUS_EXPORTER_ENV_VAR,
}
# Each would serve MLflow without the guard, or is for a check that the guard replaces.
_REFUSED = ("gunicorn_opts", "waitress_opts", "uvicorn_opts", "app_name")
_REFUSED_VARIABLES = ("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", _NO_OTHER_CHECK)


def main() -> None:
    """Serve until a signal ends it; the arguments are those of ``mlflow server``."""
    # What MLflow's command calls once it has read its options and made its database.
    mlflow.server._run_server = _serve
    try:
        cli(["server", *sys.argv[1:]])
    except SlipwayError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)


def guarded_app() -> App:
    """Give MLflow's app behind the guard; uvicorn calls this in each of its processes."""
    from mlflow.server.fastapi_app import app

    hosts = allowed_hosts(os.environ[_LISTENS_ON], _given())
    return Guard(app, hosts, variable=os.environ[_TOLD_BY], content_policy=CONTENT_POLICY)


def _serve(*, host: str, port: int, workers: int | None, **options: Any) -> None:
    _check(options)
    _given()  # a mistake in it is said before anything is started
    require_listenable(host)
    os.environ[_LISTENS_ON] = host
    os.environ.setdefault(_TOLD_BY, HOSTS)
    os.environ[_NO_OTHER_CHECK] = "true"  # before MLflow's app is imported, which builds it in
    for name, variable in _TOLD.items():
        if options.get(name):
            os.environ[variable] = "true" if options[name] is True else str(options[name])
    uvicorn.run(
        "pipeline.tracking.mlflow_server:guarded_app",
        factory=True,
        host=host,
        port=int(port),
        workers=int(workers or 1),
        access_log=False,
    )


def _check(options: dict[str, Any]) -> None:
    used = [f"--{name.replace('_', '-')}" for name in _REFUSED if options.get(name)]
    used += [name for name in _REFUSED_VARIABLES if os.environ.get(name)]
    if used:
        raise UsageError(
            f"{', '.join(used)}: Slipway's MLflow server has a guard of its own, which needs "
            "uvicorn and MLflow's usual app.",
            next=f"Leave it out; name further hosts in {HOSTS}, and put a proxy with a login in "
            "front where one is needed.",
        )


def _given() -> frozenset[Host]:
    return parse_hosts(os.environ.get(HOSTS, "").split(","), where=HOSTS)


if __name__ == "__main__":
    main()
