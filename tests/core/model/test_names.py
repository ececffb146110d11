"""The lists of names say the same as the installed Ultralytics, torch and torchvision."""

from __future__ import annotations

import pytest
import torchvision
from torch import nn
from ultralytics.nn import tasks

from pipeline.core.model import names as ours


def is_layer(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, nn.Module)


def test_layers_are_those_that_parse_model_finds_in_ultralytics_modules() -> None:
    theirs = {
        name
        for name, found in vars(tasks).items()
        if is_layer(found) and found.__module__.startswith("ultralytics.nn.modules.")
    }
    assert theirs == ours.ULTRALYTICS


def test_layers_of_torch_and_torchvision_are_classes_of_layers() -> None:
    assert all(is_layer(getattr(nn, name)) for name in ours.TORCH_NN)
    assert all(is_layer(getattr(torchvision.ops, name)) for name in ours.TORCHVISION_OPS)


def test_activations_are_those_of_torch_and_none_takes_more_than_numbers() -> None:
    theirs = set(nn.modules.activation.__all__) - {"MultiheadAttention"}
    assert theirs | {"Identity"} == ours.ACTIVATIONS


def test_vision_models_are_the_classifiers_of_torchvision() -> None:
    assert set(torchvision.models.list_models(module=torchvision.models)) == ours.VISION_MODELS


@pytest.mark.parametrize("name", ["torch_safe_load", "load_checkpoint", "DetectionModel", "Path"])
def test_what_opens_files_is_found_by_ultralytics_but_is_no_layer(name: str) -> None:
    assert name in vars(tasks)
    assert name not in ours.MODULES
