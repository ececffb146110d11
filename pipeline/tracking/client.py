"""MLflow's client: waits for seconds, not minutes, and keeps its database's chatter to itself."""

from __future__ import annotations

import logging
import os
from typing import Any

from pipeline.core.imports import IMPORTING

# The defaults are 120 s, seven times, and S3's 60 s, five times: neither a step nor a page may
# wait that long.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "AWS_MAX_ATTEMPTS": "2",
}
# Each tells of every table it looks at.
_CHATTY = ("alembic", "mlflow.store.db.utils")


def mlflow_client(uri: str) -> Any:
    """Make a client for an address; it takes a second, in which mlflow is imported."""
    with IMPORTING:
        from mlflow import MlflowClient

    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri)
