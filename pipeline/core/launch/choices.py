"""The choices of a launch: what a person asks for, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal, TypeVar, cast

DEFAULT_EXPERIMENT = "slipway"
FILES: tuple[Literal["model", "cfg", "data"], ...] = ("model", "cfg", "data")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Choice:
    """What is said of one choice, once for the command line, pipelines and steps.

    Parameters
    ----------
    name, default
        Of the field; the default's type says how it is given: a mapping and a tuple take more than
        one.
    help, metavar
        On the command line.
    flag
        Of the command line; empty where a command of its own makes the choice.
    parameter
        Name of the pipeline's parameter; empty where kfp fixes the choice when it compiles.
    """

    name: str
    default: Any
    help: str = ""
    metavar: str = ""
    flag: str = ""
    parameter: str = ""


def choice(
    default: _T, help: str = "", *, metavar: str = "", flag: str = "", parameter: str = ""
) -> _T:
    """Declare a choice as a field of a dataclass; its flag follows from its name unless given."""
    said = {"help": help, "metavar": metavar, "flag": flag, "parameter": parameter}
    made: _T = field(default_factory=lambda: copy(default), metadata=said)
    return made


def described(kind: type[Choices]) -> tuple[Choice, ...]:
    """Give what the fields of choices say of themselves, in their order."""
    return _described(cast(Any, kind))  # mypy does not take a dataclass's type for a key


@cache  # every record that is read asks for it
def _described(kind: type[Choices]) -> tuple[Choice, ...]:
    plain = kind()
    found = []
    for entry in fields(kind):
        said = dict(entry.metadata)
        if said:
            said["flag"] = said["flag"] or f"--{entry.name.replace('_', '-')}"
        found.append(Choice(entry.name, getattr(plain, entry.name), **said))
    return tuple(found)


@dataclass(frozen=True)
class Choices:
    """What the form or the command line collects; nothing is checked or looked up yet.

    Parameters
    ----------
    model, cfg, data
        Names as typed; `pipeline.core.volume.paths.Volume.resolve` finds the files.
    train, tune
        Which of the conditional steps run.
    overrides
        Ultralytics settings that differ from the cfg file, key to value.
    experiment
        MLflow experiment.
    name
        Free text that becomes part of the launch id.
    gpus
        GPUs for train, test and tune.
    cpus, mem_gb
        What train, test and tune ask for; 0 asks for nothing. Memory is a limit, too.
    shm_size
        Size of ``/dev/shm`` as a Kubernetes quantity.
    node_selector
        Labels of the nodes on which train, test and tune may run.
    tolerations
        Taints that they accept, as ``kubectl taint`` writes them: ``key=value:NoSchedule``.
    tune_space
        Name of a ``tune-*.yaml``, or the search space itself (see `pipeline.core.space.text`);
        empty means the default one.
    test_split
        Only measure the model on this split of the data; empty means the whole pipeline.
    build
        Only build the model from its yaml, and pass one image of the overrides' ``imgsz`` through;
        neither cfg nor data is needed.
    """

    model: str = choice(
        "yolov8n.pt",
        "weights, model yaml, or a scale of one",
        metavar="NAME",
        parameter="model_name",
    )
    cfg: str = choice("cfg-custom", "yaml of Ultralytics settings", metavar="NAME", parameter="cfg")
    data: str = choice("data-custom", "yaml of a dataset", metavar="NAME", parameter="data")
    train: bool = choice(True, "train and test", parameter="bool_train")
    tune: bool = choice(False, "search settings after training", parameter="bool_tune")
    overrides: Mapping[str, Any] = choice(
        {}, "over the cfg", metavar="KEY=VALUE", flag="--set", parameter="overrides"
    )
    experiment: str = choice(
        DEFAULT_EXPERIMENT, "MLflow experiment", metavar="NAME", parameter="experiment"
    )
    name: str = choice("", "becomes part of the launch id", metavar="TEXT")
    gpus: int = choice(0, metavar="N")
    cpus: int = choice(0, metavar="N")
    mem_gb: int = choice(0, metavar="N")
    shm_size: str = choice("1Gi", "size of /dev/shm, such as 1Gi", metavar="SIZE")
    node_selector: Mapping[str, str] = choice(
        {},
        "label of the nodes for train, test and tune; more than one may be given",
        metavar="KEY=VALUE",
    )
    tolerations: tuple[str, ...] = choice(
        (),
        "taint that they accept; more than one may be given",
        metavar="KEY[=VALUE]:EFFECT",
        flag="--toleration",
    )
    tune_space: str = choice(
        "",
        "tune-*.yaml with the search space, or {space: …}",
        metavar="NAME",
        parameter="tune_space",
    )
    test_split: str = choice(
        "", "only measure the model on this split of the data", metavar="NAME", parameter="split"
    )
    build: bool = False
