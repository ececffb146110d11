"""The lists against what is installed: what may be made runs nothing when it is."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

from pipeline.core.weights.calls import CALLS
from pipeline.core.weights.names import MADE, STORAGES, VALUES, named

pytest.importorskip("ultralytics")
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")

PACKAGES = ("torch.nn.modules", "ultralytics.nn.modules")
MODULES = (
    *("ultralytics.nn.tasks", "ultralytics.nn.distill_model"),
    *("ultralytics.utils.loss", "ultralytics.utils.tal"),
)
# Classes in them that are no modules of a model: a person has read that making one does nothing.
READ = {
    "collections": "OrderedDict",
    "collections.abc": "Callable Iterator Mapping Sequence",
    "functools": "cached_property",
    "itertools": "chain islice repeat",
    "pathlib": "Path",
    "torch": "Size Tensor device dtype memory_format",
    "torch.nn.modules._functions": "SyncBatchNorm",
    "torch.nn.modules.lazy": "LazyModuleMixin",
    "torch.nn.modules.linear_cross_entropy_options": "LinearCrossEntropyOptions",
    "torch.nn.parameter": "Buffer Parameter UninitializedBuffer UninitializedParameter",
    "torch.nn.utils.rnn": "PackedSequence",
    "torch.utils.hooks": "BackwardHook RemovableHandle",
    "typing": "Any Protocol TypeVar",
    "typing_extensions": "deprecated",
    "ultralytics.nn.distill_model": "FeatureHook",
    "ultralytics.utils": "IterableSimpleNamespace YAML",
    "ultralytics.utils.loss": "DepthLoss26 E2EDetectLoss E2ELoss PoseLoss26 SegmentLoss26 "
    "TVPDetectLoss TVPSegmentLoss v8ClassificationLoss v8DetectionLoss v8OBBLoss v8PoseLoss "
    "v8SegmentationLoss",
}

# Where what is done with an object's attributes is known: they are put in place, hooks registered.
STATES = ("torch.nn.modules.", "ultralytics.nn.modules.block", "ultralytics.nn.distill_model")


def modules() -> Iterator[ModuleType]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for entry in pkgutil.iter_modules(package.__path__, f"{name}."):
            yield importlib.import_module(entry.name)
    yield from map(importlib.import_module, MODULES)


def test_making_what_the_listed_modules_hold_runs_no_code_of_theirs() -> None:
    from torch import nn

    for module in modules():
        for name, value in vars(module).items():
            if not (named(module.__name__, name, ()).is_class and isinstance(value, type)):
                continue
            if not issubclass(value, nn.Module):
                assert value.__name__ in READ.get(value.__module__, "").split(), value
                continue
            is_deprecated = hasattr(value, "__deprecated__")  # warns, then makes
            assert (value.__new__ is object.__new__ or is_deprecated) and not hasattr(
                value, "__del__"
            ), value
            assert value.__setstate__.__module__.startswith(STATES), value


def test_each_name_that_is_listed_is_there_or_was() -> None:
    old = ("ultralytics.yolo.", "numpy.core.", "pathlib._local")
    for full in (*CALLS, *MADE, *VALUES):
        module, _, name = full.rpartition(".")
        if not full.startswith(old):
            assert hasattr(importlib.import_module(module), name), full


def test_storages_have_the_sizes_that_torch_gives_them() -> None:
    import torch

    for full, size in STORAGES.items():
        name = full.rpartition(".")[2]
        typed = torch.serialization.StorageType  # what torch itself takes such a name for
        dtype = torch.uint8 if name == "UntypedStorage" else typed(name).dtype
        assert torch.empty(0, dtype=dtype).element_size() == size
