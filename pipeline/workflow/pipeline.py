"""The pipeline of a kind of launch in kfp's DSL: what all have, around the kind's own steps."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

from kfp import dsl

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.kind import LaunchKind, LaunchStep
from pipeline.core.launch.parameters import defaults_of
from pipeline.core.settings import Settings
from pipeline.workflow import pods
from pipeline.workflow.components import component
from pipeline.workflow.kinds.adding import Add
from pipeline.workflow.kinds.registry import STEPS_OF


def pipeline_of(kind: LaunchKind, settings: Settings, choices: Choices) -> Callable[..., Any]:
    """Make the pipeline function of a kind for what kfp can only fix when it compiles.

    Parameters
    ----------
    kind
        Its parameters become those of the function, which is what kfp reads of it.
    settings
        Images, the volume claim, tracking, the name of the Secret.
    choices
        GPUs, CPUs, memory, shm and nodes; everything else is a parameter of the pipeline.
    """
    defaults = defaults_of(kind)

    def function(*values: Any) -> None:
        given = dict(zip(defaults, values, strict=True))
        identity = {"launch": given.pop("launch"), "run_uid": dsl.RUN_ID_PLACEHOLDER}
        with dsl.ExitHandler(_notify(settings, identity)):
            add = _adder(settings, choices, _claim(settings).volume, identity)
            STEPS_OF[kind.name](add, given)

    function.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=value, annotation=type(value))
            for name, value in defaults.items()
        ]
    )
    named: Callable[..., Any] = dsl.pipeline(name=kind.pipeline, description=kind.description)
    made: Callable[..., Any] = named(function)
    return made


def _claim(settings: Settings) -> Any:
    return dsl.VolumeOp(
        name=steps.VOLUME_MOUNT.name,
        resource_name=settings.pvc_name,
        storage_class=settings.pvc_storage_class,
        modes=[settings.pvc_access_mode],
        size=settings.pvc_size,
        generate_unique_name=False,
        action="apply",
    ).set_display_name(steps.VOLUME_MOUNT.title)


def _notify(settings: Settings, identity: dict[str, Any]) -> Any:
    """Make the exit op.

    It has no volume: kfp lets it depend on nothing, and if the claim was refused, a pod that waits
    for it would keep the run from ever ending. The webhook's address comes from a Secret, because
    such addresses carry a token.
    """
    factory = component(steps.NOTIFY.name, settings.image_light)
    op = factory(**identity, status="{{workflow.status}}")
    pods.add_secrets(op, settings, pods.WEBHOOK)
    return pods.finished(op.set_display_name(steps.NOTIFY.title))


def _adder(settings: Settings, choices: Choices, volume: Any, identity: dict[str, Any]) -> Add:
    """Make a function that adds a step with its image and its pod."""

    def add(step: LaunchStep, **inputs: Any) -> Any:
        image = settings.image_yolo if step.computes else settings.image_light
        op = component(step.name, image)(**inputs, **identity).set_display_name(step.title)
        pods.add_volumes(op, volume, choices)
        if step.hands_on_files:
            pods.add_outputs(op)
        if step.computes or step.reads_weights:
            pods.add_weights_allow(op, settings)
        if step.computes:
            pods.add_resources(op, choices)
            pods.add_tracking(op, settings)
        return pods.finished(op)

    return add
