"""The lists against what is installed: what may be made runs nothing when it is."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import types
from collections.abc import Iterator
from types import ModuleType

import pytest

from pipeline.core.weights.calls import CALLS
from pipeline.core.weights.classes import INSTALLED, METHODS, OLD, PLAIN
from pipeline.core.weights.names import STORAGES, VALUES, named

pytest.importorskip("ultralytics")
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")

# Where what is done with an object's attributes is known: they are put in place, hooks registered.
STATES = ("torch.nn.modules.", "ultralytics.nn.modules.block", "ultralytics.nn.distill_model")
MAKES = (object.__new__, types.SimpleNamespace.__new__)


def modules() -> Iterator[ModuleType]:
    for name in ("torch.nn.modules", "ultralytics.nn.modules"):
        package = importlib.import_module(name)
        if name.startswith("ultralytics"):  # until 8.0.90 it was one module
            yield package
        for entry in pkgutil.iter_modules(package.__path__, f"{name}."):
            yield importlib.import_module(entry.name)
    for name in ("nn.tasks", "nn.distill_model", "utils.loss", "utils.tal"):
        yield importlib.import_module(f"ultralytics.{name}")


def is_model(value: object) -> bool:
    from torch import nn

    return isinstance(value, type) and issubclass(value, nn.Module)


def test_each_class_that_is_listed_is_a_class_of_models_or_was_read() -> None:
    for module, names in INSTALLED.items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            assert isinstance(value, type), (module, name)
            assert is_model(value) != (name in PLAIN.get(module, ())), (module, name)


def test_each_class_of_models_that_is_installed_is_listed_and_nothing_else() -> None:
    for module in modules():
        is_package = hasattr(module, "__path__")
        for name, value in vars(module).items():
            is_own = is_package or getattr(value, "__module__", "") == module.__name__
            is_public = is_own and is_model(value) and not name.startswith("_")
            expected = is_public or name in PLAIN.get(module.__name__, ())
            found = named(module.__name__, name, ()).is_class
            assert found == expected, (module.__name__, name)


def test_making_a_listed_class_runs_no_code_of_it() -> None:
    for module, names in INSTALLED.items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            is_deprecated = hasattr(value, "__deprecated__")  # warns, then makes
            assert value.__new__ in MAKES or is_deprecated, value
            assert not hasattr(value, "__del__") and not hasattr(value, "__getinitargs__"), value
            state = getattr(value, "__setstate__", None)
            assert state is None or state.__module__.startswith(STATES), value


def test_methods_are_those_of_modules_and_models() -> None:
    from torch import nn
    from ultralytics.nn import distill_model, tasks

    models = [value for value in vars(tasks).values() if is_model(value)]
    own = [value for value in models if value.__module__ == tasks.__name__]
    classes = [nn.Module, *own, distill_model.DistillationModel]
    names = {name for each in classes for name in dir(each) if callable(getattr(each, name))}
    assert {name for name in names if not name.startswith("_")} == METHODS


def test_old_names_are_those_that_ultralytics_maps() -> None:
    from ultralytics.nn import tasks

    mapped = inspect.getsource(tasks.torch_safe_load)
    for module, names in OLD.items():
        for name in names:
            assert f"{module}.{name}" in mapped or "ultralytics.yolo.utils" in module, name
    assert '"ultralytics.yolo.utils": "ultralytics.utils"' in mapped


def test_each_name_that_is_listed_is_there_or_was() -> None:
    old = ("ultralytics.yolo.", "numpy.core.", "pathlib._local")
    for full in (*CALLS, *VALUES):
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
