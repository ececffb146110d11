"""The pipeline in kfp's DSL: verify, distribution, plot, then train, test and tune.

Two short ones measure weights that there are already (verify and test), and build a model (build).
"""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from pipeline.core.launch.choices import DEFAULT_EXPERIMENT, Choices
from pipeline.core.settings import Settings
from pipeline.workflow import pods
from pipeline.workflow.components import component

HEAVY = ("train", "test", "tune", "build")
_Add = Callable[..., Any]


def slipway_pipeline(settings: Settings, choices: Choices) -> Callable[..., Any]:
    """Make the pipeline function for what kfp can only fix when it compiles.

    Parameters
    ----------
    settings
        Images, the volume claim, tracking, the name of the Secret.
    choices
        GPUs, CPUs, memory, shm and nodes; everything else is a parameter of the pipeline.
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
        named = {"model_name": model_name, "cfg": cfg, "data": data}
        flags = {"bool_train": bool_train, "bool_tune": bool_tune}
        more = {"overrides": overrides, "tune_space": tune_space}
        record = {"experiment": experiment, "user": user}
        identity = {"launch": launch, "run_uid": dsl.RUN_ID_PLACEHOLDER}
        with dsl.ExitHandler(_notify(settings, identity)):
            add = _adder(settings, choices, _claim(settings).volume, identity)
            verify = add("verify", "Verify", **named, **flags, **more, **record)
            plot = _look_at_data(add, verify)
            with dsl.Condition(bool_train == True, "train"):  # noqa: E712 - kfp's DSL compares so
                weights, test = _train_and_test(add, verify, plot)
                with dsl.Condition(bool_tune == True, "tune"):  # noqa: E712
                    add("tune", "Tune", **weights).after(test)

    named = dsl.pipeline(name="slipway", description="Check the data, train YOLO, test, tune.")
    function: Callable[..., Any] = named(slipway)
    return function


def weights_test_pipeline(settings: Settings, choices: Choices) -> Callable[..., Any]:
    """Make the function of the pipeline that only measures weights; see `slipway_pipeline`."""

    def slipway_test(
        model_name: str = "yolov8n.pt",
        cfg: str = "cfg-custom",
        data: str = "data-custom",
        split: str = "val",
        launch: str = "",
        overrides: str = "{}",
        experiment: str = DEFAULT_EXPERIMENT,
        user: str = "",
    ) -> None:
        named = {"model_name": model_name, "cfg": cfg, "data": data}
        flags = {"bool_train": False, "bool_tune": False}
        more = {"overrides": overrides, "tune_space": ""}
        record = {"experiment": experiment, "user": user}
        identity = {"launch": launch, "run_uid": dsl.RUN_ID_PLACEHOLDER}
        with dsl.ExitHandler(_notify(settings, identity)):
            add = _adder(settings, choices, _claim(settings).volume, identity)
            verify = add("verify", "Verify", **named, **flags, **more, **record)
            weights, data_yaml = (verify.outputs[name] for name in ("model_path", "data_yaml"))
            inputs = {"last_pt": weights, "best_pt": weights, "data_yaml": data_yaml}
            add("test", "Test", **inputs, split=split).after(verify)

    named = dsl.pipeline(name="slipway-test", description="Check the data, test weights.")
    function: Callable[..., Any] = named(slipway_test)
    return function


def build_pipeline(settings: Settings, choices: Choices) -> Callable[..., Any]:
    """Make the function of the pipeline that only builds a model; see `slipway_pipeline`."""

    def slipway_build(
        model_name: str = "yolov8n.yaml",
        launch: str = "",
        overrides: str = "{}",
        experiment: str = DEFAULT_EXPERIMENT,
        user: str = "",
    ) -> None:
        identity = {"launch": launch, "run_uid": dsl.RUN_ID_PLACEHOLDER}
        with dsl.ExitHandler(_notify(settings, identity)):
            add = _adder(settings, choices, _claim(settings).volume, identity)
            add("build", "Build", model_name=model_name, overrides=overrides)

    named = dsl.pipeline(name="slipway-build", description="Build a model from its yaml.")
    function: Callable[..., Any] = named(slipway_build)
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
    such addresses carry a token.
    """
    op = component("notify", settings.image_light)(**identity, status="{{workflow.status}}")
    pods.add_secrets(op, settings, pods.WEBHOOK)
    return pods.finished(op.set_display_name("Notify"))


def _adder(settings: Settings, choices: Choices, volume: Any, identity: dict[str, Any]) -> _Add:
    """Make a function that adds a step with its image and its pod."""

    def add(name: str, display_name: str, **inputs: Any) -> Any:
        image = settings.image_yolo if name in HEAVY else settings.image_light
        op = component(name, image)(**inputs, **identity).set_display_name(display_name)
        pods.add_volumes(op, volume, choices)
        if name == "distribution":  # plot reads its files
            pods.add_outputs(op)
        if name in (*HEAVY, "verify"):
            pods.add_weights_allow(op, settings)
        if name in HEAVY:
            pods.add_resources(op, choices)
            pods.add_tracking(op, settings)
        return pods.finished(op)

    return add


def _look_at_data(add: _Add, verify: Any) -> Any:
    data_yaml = verify.outputs["data_yaml"]
    counts = add("distribution", "Data distribution", data_yaml=data_yaml).after(verify)
    drawn = {name: counts.outputs[name] for name in ("result_json", "cls_names_json")}
    return add("plot", "Plot distribution", **drawn).after(counts)


def _train_and_test(add: _Add, verify: Any, plot: Any) -> tuple[dict[str, Any], Any]:
    checked = {name: verify.outputs[name] for name in ("model_path", "cfg_yaml", "data_yaml")}
    train = add("train", "Train", **checked).after(plot)
    weights = {name: train.outputs[name] for name in ("last_pt", "best_pt", "data_yaml")}
    return weights, add("test", "Test", **weights).after(train)
