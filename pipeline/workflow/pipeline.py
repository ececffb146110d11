"""The one pipeline, in kfp's DSL: verify, distribution, plot, then train, test and tune."""

from collections.abc import Callable
from typing import Any

from kfp import dsl
from kubernetes.client import (
    V1EmptyDirVolumeSource,
    V1EnvVar,
    V1EnvVarSource,
    V1SecretKeySelector,
    V1Volume,
)

from pipeline.core.launch import DEFAULT_EXPERIMENT, Choices
from pipeline.core.settings import Settings
from pipeline.workflow.components import component

MOUNT = "/data"
SHM = "/dev/shm"
WEBHOOK_SECRET = "slipway"  # a Kubernetes Secret; it need not exist
_NEVER_CACHED = "P0D"


def slipway_pipeline(settings: Settings, choices: Choices) -> Callable[..., Any]:
    """Make the pipeline function for what kfp can only fix when it compiles.

    Parameters
    ----------
    settings
        Images, the volume claim, tracking and webhook addresses.
    choices
        GPUs, CPUs, memory and shm; everything else is a parameter of the pipeline.
    """

    def slipway(
        model_name: str = "yolov8n.pt",
        cfg: str = "cfg-custom",
        data: str = "data-custom",
        bool_train: bool = True,
        bool_tune: bool = False,
        launch: str = "",
        overrides: str = "{}",
        experiment: str = DEFAULT_EXPERIMENT,
        user: str = "",
        tune_space: str = "",
    ) -> None:
        identity = {"launch": launch, "run_uid": dsl.RUN_ID_PLACEHOLDER}
        with dsl.ExitHandler(_notify(settings, identity)):
            claim = _claim(settings)
            add = _adder(settings, choices, claim.volume, identity)
            verify = add(
                "verify",
                "Verify",
                model_name=model_name,
                cfg=cfg,
                data=data,
                bool_train=bool_train,
                bool_tune=bool_tune,
                overrides=overrides,
                tune_space=tune_space,
                experiment=experiment,
                user=user,
            )
            data_yaml = verify.outputs["data_yaml"]
            counts = add("distribution", "Data distribution", data_yaml=data_yaml).after(verify)
            plot = add(
                "plot",
                "Plot distribution",
                result_json=counts.outputs["result_json"],
                cls_names_json=counts.outputs["cls_names_json"],
            ).after(counts)
            with dsl.Condition(bool_train == True, "train"):  # noqa: E712 - kfp's DSL compares so
                train = add(
                    "train",
                    "Train",
                    model_path=verify.outputs["model_path"],
                    cfg_yaml=verify.outputs["cfg_yaml"],
                    data_yaml=data_yaml,
                ).after(plot)
                names = ("last_pt", "best_pt", "data_yaml")
                weights = {name: train.outputs[name] for name in names}
                test = add("test", "Test", **weights).after(train)
                with dsl.Condition(bool_tune == True, "tune"):  # noqa: E712
                    add("tune", "Tune", **weights).after(test)

    named = dsl.pipeline(name="slipway", description="Check the data, train YOLO, test, tune.")
    function: Callable[..., Any] = named(slipway)
    return function


def _claim(settings: Settings) -> Any:
    return dsl.VolumeOp(
        name="volume-mount",
        resource_name=settings.pvc_name,
        storage_class=settings.pvc_storage_class,
        modes=[settings.pvc_access_mode],
        size=settings.pvc_size,
        generate_unique_name=False,
        action="apply",
    ).set_display_name("Volume mount")


def _notify(settings: Settings, identity: dict[str, Any]) -> Any:
    """Make the exit op.

    It has no volume: kfp lets it depend on nothing, and if the claim was refused, a pod that waits
    for it would keep the run from ever ending. The webhook's address comes from a Secret, because
    such addresses carry a token and the workflow is shown and stored.
    """
    op = component("notify", settings.image_light)(**identity, status="{{workflow.status}}")
    key = V1SecretKeySelector(name=WEBHOOK_SECRET, key="SLIPWAY_WEBHOOK_URL", optional=True)
    source = V1EnvVarSource(secret_key_ref=key)
    op.container.add_env_variable(V1EnvVar(name="SLIPWAY_WEBHOOK_URL", value_from=source))
    return _uncached(op.set_display_name("Notify"))


def _adder(
    settings: Settings, choices: Choices, volume: Any, identity: dict[str, Any]
) -> Callable[..., Any]:
    """Make a function that adds a step with its image, volumes, environment and resources."""

    def add(name: str, display_name: str, **inputs: Any) -> Any:
        is_heavy = name in ("train", "test", "tune")
        image = settings.image_yolo if is_heavy else settings.image_light
        op = component(name, image)(**inputs, **identity).set_display_name(display_name)
        # Always the claim's own volume: .pvolume of an op with two volumes is None, and adding
        # that makes a volume without a source.
        op.add_pvolumes({MOUNT: volume, SHM: _shm(choices)})
        op.container.add_env_variable(V1EnvVar(name="SLIPWAY_VOLUME", value=MOUNT))
        if is_heavy:
            _add_resources(op, choices)
        if is_heavy and settings.tracking_uri:
            tracking = V1EnvVar(name="MLFLOW_TRACKING_URI", value=settings.tracking_uri)
            op.container.add_env_variable(tracking)
        return _uncached(op)

    return add


def _shm(choices: Choices) -> V1Volume:
    source = V1EmptyDirVolumeSource(medium="Memory", size_limit=choices.shm_size)
    return V1Volume(name="shm", empty_dir=source)


def _add_resources(op: Any, choices: Choices) -> None:
    if choices.gpus:
        op.container.set_gpu_limit(choices.gpus)
    if choices.cpus:
        op.container.set_cpu_request(str(choices.cpus))
    if choices.mem_gb:
        op.container.set_memory_request(f"{choices.mem_gb}G")


def _uncached(op: Any) -> Any:
    op.execution_options.caching_strategy.max_cache_staleness = _NEVER_CACHED
    return op
