"""The settings of this installation, from flags, environment, file and defaults, in that order."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core import setting_kinds as kinds
from pipeline.core.engines import ENGINES
from pipeline.core.errors import FileMissing, InputError, UsageError
from pipeline.core.official_weights import WEIGHTS_URL
from pipeline.core.version import image_name
from pipeline.core.yamltext.file import load_yaml


@dataclass(frozen=True)
class SettingField:
    """What is said of one setting, once for load, command line, steps and pages.

    Parameters
    ----------
    variable
        Of the environment.
    kind
        How it is read, written and shown.
    option
        Flag, metavar and help of the option that all commands take; empty where there is none.
    """

    name: str
    variable: str
    kind: kinds.SettingKind
    option: tuple[str, ...]


def setting(
    variable: str,
    kind: kinds.SettingKind,
    default: str | Callable[[], str] | None = "",
    *option: str,
) -> Any:
    """Declare a setting as a field of a dataclass; the default is said as the variable would."""

    def value() -> Any:
        said = default() if callable(default) else default
        return None if said is None else kind.read(said)

    return field(
        default_factory=value,
        repr=kind not in (*kinds.ADDRESSES, kinds.SECRET),
        metadata={"variable": variable, "kind": kind, "option": option},
    )


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's uid need not have a name
        return f"uid-{os.getuid()}"


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
        The steps' images; unless set, those that ``slipway images`` builds of this code.
    pvc_name, pvc_storage_class, pvc_access_mode, pvc_size
        The claim that the pipeline's volume op applies.
    kfp_endpoint, kfp_namespace
        Address of the KFP API, and where its runs have their pods and the claim.
    kfp_token, kfp_cookie
        Bearer token or Kubeflow session cookie (``authservice_session=…``) for the KFP API. In a
        pod without either the service account's token is used.
    """

    volume: Path = setting(  # noqa: RUF009
        "SLIPWAY_VOLUME",
        kinds.PATH,
        "./volume",
        *("--volume", "DIR", "folder with models, cfgs and datasets"),
    )
    state: Path = setting(  # noqa: RUF009
        "SLIPWAY_STATE",
        kinds.PATH,
        "./.slipway",
        *("--state", "DIR", "folder for queue, caches and logs"),
    )
    data_roots: tuple[Path, ...] = setting("SLIPWAY_DATA_ROOTS", kinds.FOLDERS)
    engine: str = setting(
        "SLIPWAY_ENGINE", kinds.TEXT, "local", *("--engine", "NAME", "local or kubeflow")
    )
    engines: tuple[str, ...] = setting("SLIPWAY_ENGINES", kinds.ENGINE_NAMES, "local")
    tracking_uri: str = setting(
        "MLFLOW_TRACKING_URI", kinds.ADDRESS, "", *("--mlflow", "URI", "MLflow's address")
    )
    pod_tracking_uri: str = setting("SLIPWAY_POD_TRACKING_URI", kinds.ADDRESS)
    s3_endpoint_url: str = setting("MLFLOW_S3_ENDPOINT_URL", kinds.ADDRESS)
    secret_name: str = setting("SLIPWAY_SECRET", kinds.TEXT, "slipway")
    user: str = setting("SLIPWAY_USER", kinds.TEXT, _os_user)
    user_header: str = setting("SLIPWAY_USER_HEADER", kinds.TEXT)
    allowed_hosts: tuple[str, ...] = setting("SLIPWAY_ALLOWED_HOSTS", kinds.HOSTS)
    webhook_url: str = setting("SLIPWAY_WEBHOOK_URL", kinds.WEBHOOK)
    weights_url: str = setting("SLIPWAY_WEIGHTS_URL", kinds.WEB_FOLDER, WEIGHTS_URL)
    weights_allow: tuple[str, ...] = setting("SLIPWAY_WEIGHTS_ALLOW", kinds.CLASSES)
    preset: str = setting("SLIPWAY_PRESET", kinds.TEXT)
    gpu_slots: int | None = setting("SLIPWAY_GPU_SLOTS", kinds.NUMBER, None)
    job_slots: int | None = setting("SLIPWAY_JOB_SLOTS", kinds.POSITIVE, None)
    step_timeout_s: int | None = setting("SLIPWAY_STEP_TIMEOUT_S", kinds.POSITIVE, None)
    step_mem_gb: int | None = setting("SLIPWAY_STEP_MEM_GB", kinds.POSITIVE, None)
    image_light: str = setting("SLIPWAY_IMAGE_LIGHT", kinds.TEXT, partial(image_name, "light"))
    image_yolo: str = setting("SLIPWAY_IMAGE_YOLO", kinds.TEXT, partial(image_name, "yolo"))
    pvc_name: str = setting("SLIPWAY_PVC_NAME", kinds.TEXT, "pvc-local-cocodata")
    pvc_storage_class: str = setting("SLIPWAY_PVC_STORAGE_CLASS", kinds.TEXT, "train")
    pvc_access_mode: str = setting("SLIPWAY_PVC_ACCESS_MODE", kinds.TEXT, "ReadWriteOnce")
    pvc_size: str = setting("SLIPWAY_PVC_SIZE", kinds.TEXT, "3Gi")
    kfp_endpoint: str = setting("KFP_ENDPOINT", kinds.ADDRESS)
    kfp_namespace: str = setting("KFP_NAMESPACE", kinds.TEXT, "kubeflow")
    kfp_token: str = setting("KFP_TOKEN", kinds.SECRET)
    kfp_cookie: str = setting("KFP_COOKIE", kinds.SECRET)

    @property
    def dataset_index(self) -> Path:
        """Folder of what was read of datasets; it may be deleted."""
        return self.state / "datasets"


SETTINGS = tuple(SettingField(entry.name, **entry.metadata) for entry in fields(Settings))
ENVIRONMENT = {entry.name: entry.variable for entry in SETTINGS}


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
    raw = _from_file(environ.get("SLIPWAY_SETTINGS", ""))
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


def _checked(raw: Mapping[str, Any]) -> Settings:
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for entry in SETTINGS:
        if entry.name in raw:
            try:
                values[entry.name] = entry.kind.read(raw[entry.name])
            except ValueError as reason:
                mistakes += [f"{entry.variable} {said}" for said in reason.args]
    mistakes += _choose_engines(values, raw)
    if mistakes:
        raise UsageError("; ".join(mistakes) + ".", next="Correct the settings.")
    return Settings(**values)


def _choose_engines(values: dict[str, Any], raw: Mapping[str, Any]) -> list[str]:
    """Complete the engines that are offered, and say what is wrong with them."""
    lacks = {
        name: traits.needs
        for name, traits in ENGINES.items()
        if traits.needs and not raw.get(traits.needs)
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
