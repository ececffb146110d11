"""The choices of a launch: what a person asks for, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_EXPERIMENT = "slipway"


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

    model: str = "yolov8n.pt"
    cfg: str = "cfg-custom"
    data: str = "data-custom"
    train: bool = True
    tune: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = DEFAULT_EXPERIMENT
    name: str = ""
    gpus: int = 0
    cpus: int = 0
    mem_gb: int = 0
    shm_size: str = "1Gi"
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[str, ...] = ()
    tune_space: str = ""
    test_split: str = ""
    build: bool = False
