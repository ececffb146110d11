"""Which environment variables a step sees, and how many GPUs and jobs there are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.core.settings import ENVIRONMENT, SETTINGS, Settings

_ALLOWED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|VIRTUAL_ENV|LD_LIBRARY_PATH"
    r"|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|(?:https?|no|HTTPS?|NO)_(?:proxy|PROXY)"
    r"|(?:MLFLOW|SLIPWAY|AWS|YOLO|NVIDIA|NCCL|CUDA|OMP|MKL|OPENBLAS|RAY)_\w+"
)

_FAMILY = re.compile(r"(?:MLFLOW|AWS)_\w+")
# What is known to open nothing; any other variable of those who read it may.
_PLAIN = re.compile(
    r"MLFLOW_(?:HTTP_REQUEST_\w+|DISABLE_TELEMETRY|S3_IGNORE_TLS|TRACKING_INSECURE_TLS)"
    r"|AWS_(?:MAX_ATTEMPTS|RETRY_MODE|(?:DEFAULT_)?REGION|DEFAULT_OUTPUT|CA_BUNDLE)"
)


def settings_environment(settings: Settings) -> dict[str, str]:
    """Write settings as the environment variables from which `load_settings` reads them."""
    texts = {entry.variable: entry.kind.text(getattr(settings, entry.name)) for entry in SETTINGS}
    return {variable: text for variable, text in texts.items() if text}


def step_environment(settings: Mapping[str, str], gpus: Sequence[str]) -> dict[str, str]:
    """Give what a step inherits: an allow-list of the own environment, settings and devices.

    Of variables that may be private it has those that its launch had, which `settings` hold.
    """
    own = {
        name: value
        for name, value in os.environ.items()
        if _ALLOWED.fullmatch(name) and not is_private(name)
    }
    for variable in (*ENVIRONMENT.values(), "SLIPWAY_SETTINGS"):
        own.pop(variable, None)
    return {
        **own,
        **settings,
        "PYTHONUNBUFFERED": "1",
        # Always set, also to nothing: devices belong to the engine, not to whoever looks first.
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
    }


def is_private(name: str) -> bool:
    """Say whether a variable that steps may see may hold a secret; settings are looked at apart."""
    is_of_family = _FAMILY.fullmatch(name) and not _PLAIN.fullmatch(name)
    return bool(is_of_family) and name not in ENVIRONMENT.values()


def gpu_names(settings: Settings) -> list[str]:
    """Name the GPUs that the engine may give out, as ``CUDA_VISIBLE_DEVICES`` takes them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        found = [str(number) for number in range(len(list(Path("/dev").glob("nvidia[0-9]*"))))]
    else:
        found = [name for name in visible.split(",") if name and name != "-1"]
    if settings.gpu_slots is None:
        return found
    return [*found, *map(str, range(len(found), settings.gpu_slots))][: settings.gpu_slots]


def job_slots(settings: Settings) -> int:
    """Give how many runs may run at a time: unless set, one for each GPU and at least one."""
    return settings.job_slots or max(1, len(gpu_names(settings)))
