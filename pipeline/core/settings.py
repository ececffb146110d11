"""The settings of this installation, from flags, environment, file and defaults, in that order."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.core.addresses import shown_address, shown_webhook
from pipeline.core.engines import ENGINES
from pipeline.core.errors import FileMissing, InputError, UsageError
from pipeline.core.official_weights import WEIGHTS_URL
from pipeline.core.version import image_name
from pipeline.core.yamltext.file import load_yaml

ADDRESSES = (
    *("tracking_uri", "pod_tracking_uri", "s3_endpoint_url", "kfp_endpoint"),
    *("webhook_url", "weights_url"),
)
SECRETS = ("kfp_token", "kfp_cookie")

ENVIRONMENT = {
    "volume": "SLIPWAY_VOLUME",
    "data_roots": "SLIPWAY_DATA_ROOTS",
    "state": "SLIPWAY_STATE",
    "engine": "SLIPWAY_ENGINE",
    "engines": "SLIPWAY_ENGINES",
    "tracking_uri": "MLFLOW_TRACKING_URI",
    "pod_tracking_uri": "SLIPWAY_POD_TRACKING_URI",
    "s3_endpoint_url": "MLFLOW_S3_ENDPOINT_URL",
    "secret_name": "SLIPWAY_SECRET",
    "user": "SLIPWAY_USER",
    "user_header": "SLIPWAY_USER_HEADER",
    "allowed_hosts": "SLIPWAY_ALLOWED_HOSTS",
    "webhook_url": "SLIPWAY_WEBHOOK_URL",
    "weights_url": "SLIPWAY_WEIGHTS_URL",
    "weights_allow": "SLIPWAY_WEIGHTS_ALLOW",
    "preset": "SLIPWAY_PRESET",
    "gpu_slots": "SLIPWAY_GPU_SLOTS",
    "job_slots": "SLIPWAY_JOB_SLOTS",
    "step_timeout_s": "SLIPWAY_STEP_TIMEOUT_S",
    "step_mem_gb": "SLIPWAY_STEP_MEM_GB",
    "image_light": "SLIPWAY_IMAGE_LIGHT",
    "image_yolo": "SLIPWAY_IMAGE_YOLO",
    "pvc_name": "SLIPWAY_PVC_NAME",
    "pvc_storage_class": "SLIPWAY_PVC_STORAGE_CLASS",
    "pvc_access_mode": "SLIPWAY_PVC_ACCESS_MODE",
    "pvc_size": "SLIPWAY_PVC_SIZE",
    "kfp_endpoint": "KFP_ENDPOINT",
    "kfp_namespace": "KFP_NAMESPACE",
    "kfp_token": "KFP_TOKEN",
    "kfp_cookie": "KFP_COOKIE",
}


@dataclass(frozen=True)
class Settings:
    """One installation's settings; every path is absolute. No address is part of its ``repr``.

    Parameters
    ----------
    volume
        Folder with models, cfgs, data yaml, datasets and runs.
    data_roots
        Further folders that datasets may lie in, read only.
    state
        Local state: queue, caches, MLflow's database, preferences.
    engine
        ``local`` or ``kubeflow``: where a launch goes when nothing else is said.
    engines
        All engines that are offered and whose runs are listed; `engine` is one of them. Unless set,
        ``local``, and ``kubeflow`` when there is an endpoint.
    tracking_uri
        MLflow's address as a person set it; empty means the embedded server
        (see `pipeline.tracking.server.tracking_uri`).
    pod_tracking_uri, s3_endpoint_url
        How pods reach MLflow and its artifacts, when that is not how the dashboard does.
    secret_name
        Kubernetes Secret with what pods must know and documents must not say; all keys optional
        (see docs/kubeflow.md).
    user
        Who launches, when no trusted proxy says so.
    user_header
        Name of the header that a trusted proxy sets; empty means that no header is believed.
    allowed_hosts
        Host names under which the dashboard and the embedded MLflow answer beside those that they
        listen on; see `pipeline.access.hosts`.
    webhook_url
        Where the exit handler reports the end of a run; empty means nowhere.
    weights_url
        Folder on a web server that official weights are fetched from: a release on GitHub, or a
        mirror with the same file names and, to compare them with, a ``SHA256SUMS``.
    weights_allow
        Names, as ``module.Name``, that weights may use besides those of models: their pickle may
        make and call these. Whoever may write to the volume can then have them run in a step.
    preset
        Name of the preset that a new launch form begins with; empty means none.
    gpu_slots, job_slots
        How many GPUs the local engine uses, and how many runs at a time. None means all GPUs found,
        and a run for each GPU, at least one.
    step_timeout_s, step_mem_gb
        How long a step of the local engine may run, and how much memory it may hold, unless its
        workflow says; None means that nothing is limited.
    image_light, image_yolo
        The steps' images; unless set, those that ``python -m pipeline images`` builds of this code.
    pvc_name, pvc_storage_class, pvc_access_mode, pvc_size
        The claim that the pipeline's volume op applies.
    kfp_endpoint, kfp_namespace
        Address of the KFP API, and where its runs have their pods and the claim.
    kfp_token, kfp_cookie
        Bearer token or Kubeflow session cookie (``authservice_session=…``) for the KFP API. In a
        pod without either the service account's token is used.
    """

    volume: Path
    state: Path
    data_roots: tuple[Path, ...] = ()
    engine: str = "local"
    engines: tuple[str, ...] = ("local",)
    tracking_uri: str = field(default="", repr=False)
    pod_tracking_uri: str = field(default="", repr=False)
    s3_endpoint_url: str = field(default="", repr=False)
    secret_name: str = "slipway"
    user: str = field(default_factory=lambda: _os_user())
    user_header: str = ""
    allowed_hosts: tuple[str, ...] = ()
    webhook_url: str = field(default="", repr=False)
    weights_url: str = field(default=WEIGHTS_URL, repr=False)
    weights_allow: tuple[str, ...] = ()
    preset: str = ""
    gpu_slots: int | None = None
    job_slots: int | None = None
    step_timeout_s: int | None = None
    step_mem_gb: int | None = None
    image_light: str = field(default_factory=lambda: image_name("light"))
    image_yolo: str = field(default_factory=lambda: image_name("yolo"))
    pvc_name: str = "pvc-local-cocodata"
    pvc_storage_class: str = "train"
    pvc_access_mode: str = "ReadWriteOnce"
    pvc_size: str = "3Gi"
    kfp_endpoint: str = field(default="", repr=False)
    kfp_namespace: str = "kubeflow"
    kfp_token: str = field(default="", repr=False)
    kfp_cookie: str = field(default="", repr=False)

    @property
    def dataset_index(self) -> Path:
        """Folder of what was read of datasets; it may be deleted."""
        return self.state / "datasets"


def load_settings(
    flags: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Merge flags over environment over the settings file over defaults.

    Parameters
    ----------
    flags
        Field name to text; empty values count as not given.
    environment
        Defaults to the process's environment. ``SLIPWAY_SETTINGS`` names the settings file
        (a yaml mapping of field names); without it ``./slipway.yaml`` is read when it exists.

    Raises
    ------
    UsageError
        A value is not acceptable, or the file has an unknown key; all of them are named at once.
    """
    environ = os.environ if environment is None else environment
    raw: dict[str, Any] = {"volume": "./volume", "state": "./.slipway"}
    raw.update(_from_file(environ.get("SLIPWAY_SETTINGS", "")))
    raw.update({name: environ[key] for name, key in ENVIRONMENT.items() if environ.get(key)})
    raw.update({name: value for name, value in (flags or {}).items() if value})
    return _checked(raw)


def _from_file(name: str) -> dict[str, Any]:
    path = Path(name or "slipway.yaml")
    if not name and not path.exists():
        return {}
    try:
        document = load_yaml(path)
    except (InputError, FileMissing) as reason:
        raise UsageError(reason.message, where=reason.where, next=reason.next) from reason
    unknown = set(document.data) - set(ENVIRONMENT)
    if unknown:
        key = sorted(map(str, unknown))[0]
        raise UsageError(
            f"unknown settings {sorted(map(str, unknown))}; allowed are {sorted(ENVIRONMENT)}.",
            where=document.where(key),
        )
    return dict(document.data)


def _checked(raw: dict[str, Any]) -> Settings:
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in ENVIRONMENT:
            mistakes.append(f"unknown setting '{name}'")
        elif name in ("volume", "state"):
            values[name] = Path(value).expanduser().absolute()
        elif name == "data_roots":
            entries = value if isinstance(value, list) else str(value).split(os.pathsep)
            values[name] = tuple(Path(entry).expanduser().absolute() for entry in entries if entry)
        elif name in ("engines", "allowed_hosts"):
            entries = value if isinstance(value, list) else str(value).split(",")
            stripped = tuple(dict.fromkeys(str(entry).strip() for entry in entries))
            values[name] = stripped if name == "engines" else tuple(filter(None, stripped))
        elif name == "weights_allow":
            entries = value if isinstance(value, list) else str(value).split(",")
            values[name] = tuple(filter(None, (str(entry).strip() for entry in entries)))
            mistakes += [
                f"{ENVIRONMENT[name]} has '{entry}', not a name such as package.module.Name"
                for entry in values[name]
                if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)+", entry)
            ]
        elif name in ("gpu_slots", "job_slots", "step_timeout_s", "step_mem_gb"):
            lowest = 0 if name == "gpu_slots" else 1
            if not str(value).isdecimal() or int(value) < lowest:
                mistakes.append(f"{ENVIRONMENT[name]} is '{value}', not a number from {lowest} up")
            else:
                values[name] = int(value)
        else:
            values[name] = str(value)
        if name in ADDRESSES and not _is_address(str(value)):
            show = shown_webhook if name == "webhook_url" else shown_address
            said = show(str(value))
            mistakes.append(f"{ENVIRONMENT[name]} is '{said}', not an address")
    if not values.get("weights_url", WEIGHTS_URL).startswith(("http://", "https://")):
        said = shown_address(values["weights_url"])
        mistakes.append(f"SLIPWAY_WEIGHTS_URL is '{said}', not http(s)://…")
    mistakes += _choose_engines(values)
    if mistakes:
        raise UsageError("; ".join(mistakes) + ".", next="Correct the settings.")
    return Settings(**values)


def _choose_engines(values: dict[str, Any]) -> list[str]:
    """Complete the engines that are offered, and say what is wrong with them."""
    lacks = {
        name: traits.needs
        for name, traits in ENGINES.items()
        if traits.needs and not values.get(traits.needs)
    }
    found = tuple(name for name in ENGINES if name not in lacks)
    engines = values.setdefault("engines", found)
    engine = values.setdefault("engine", engines[0])
    asked = [("SLIPWAY_ENGINE is", engine), *(("SLIPWAY_ENGINES has", name) for name in engines)]
    mistakes = [
        f"{said} '{name}', not one of {', '.join(ENGINES)}"
        for said, name in asked
        if name not in ENGINES
    ]
    for name, setting in lacks.items():
        if name in (engine, *engines):
            said = "SLIPWAY_ENGINE is" if engine == name else "SLIPWAY_ENGINES has"
            mistakes.append(f"{said} '{name}' but {ENVIRONMENT[setting]} is not set")
    if engine not in engines:
        values["engines"] = (*engines, engine)
    return mistakes


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).port != 0
    except ValueError:  # brackets without an IPv6 address, or a port that is no number
        return False


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's uid need not have a name
        return f"uid-{os.getuid()}"
