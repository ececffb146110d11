"""What a pickle can still name, should torch read another one than was checked."""

from __future__ import annotations

import collections
import io
import os
import pathlib
import pickle
from typing import Any

import pytest

from pipeline.core.errors import InputError
from pipeline.core.weights.calls import CALLS
from pipeline.core.weights.classes import INSTALLED, OLD
from pipeline.core.weights.names import STORAGES, VALUES
from step_images.guards.unpickler import safe_pickle
from tests.weights_files import text

pytest.importorskip("ultralytics")
os.environ.update(YOLO_OFFLINE="1", YOLO_AUTOINSTALL="false")


def found(module: str, name: str, *allow: str) -> Any:
    return safe_pickle(allow).Unpickler(io.BytesIO()).find_class(module, name)


def loaded(data: bytes, *allow: str) -> Any:
    return safe_pickle(allow).load(io.BytesIO(data))


def test_each_name_of_the_lists_is_found() -> None:
    from ultralytics.nn import tasks

    for module, names in INSTALLED.items():
        for name in names:
            assert isinstance(found(module, name), type)
    for full in (*CALLS, *STORAGES, *VALUES):
        module, _, name = full.rpartition(".")
        if not full.startswith(("numpy.core.", "pathlib._local", "ultralytics.yolo.")):
            assert found(module, name) is not None
    attributes = {
        "ultralytics.nn.modules.block.Silence": "torch.nn.Identity",
        "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
        "ultralytics.utils.loss.v10DetectLoss": "ultralytics.utils.loss.E2EDetectLoss",
    }
    with tasks.temporary_modules({"ultralytics.yolo.utils": "ultralytics.utils"}, attributes):
        for module, names in OLD.items():
            for name in names:
                assert isinstance(found(module, name), type)


@pytest.mark.parametrize(
    "full",
    [
        *("os.system", "posix.system", "builtins.eval", "builtins.exec", "builtins.__import__"),
        *("__builtin__.eval", "commands.getoutput", "functools.partial", "torch.hub.load"),
        *("torch.load", "torch._utils._rebuild_wrapper_subclass", "torch.storage._load_from_bytes"),
        *("ultralytics.nn.tasks.temporary_modules", "ultralytics.nn.tasks.Path"),
        *("ultralytics.nn.tasks.parse_model", "torch.nn.modules.module.Optional"),
        *("torch.nn.modules.module._WrappedHook", "torch.nn.modules.loss.F"),
        *("ultralytics.nn.modules.block.Conv.forward", "torch.nn.modules.linear.math"),
    ],
)
def test_any_other_name_is_refused_by_name(full: str) -> None:
    module, _, name = full.rpartition(".")
    with pytest.raises(InputError, match=r"would run code") as caught:
        found(module, name)
    assert name in str(caught.value) and caught.value.exit_code == 3


def test_a_listed_name_that_is_no_class_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.nn.modules import linear

    for other in (os.system, pathlib.Path, linear, 1):
        monkeypatch.setattr(linear, "Linear", other)
        with pytest.raises(InputError, match="Linear"):
            found("torch.nn.modules.linear", "Linear")


def test_getattr_gives_no_more_than_the_forward_of_a_model() -> None:
    from torch import nn
    from ultralytics.nn.modules import Conv

    conv, getter = Conv(1, 1), found("builtins", "getattr")
    conv.__dict__["forward"] = os.system
    assert getter(conv, "forward") == Conv.forward.__get__(conv)
    assert getter(conv, "forward_fuse") == conv.forward_fuse
    assert getter(Conv, "forward") is Conv.forward
    owners = [(conv, "__class__"), (conv, "load"), (os, "system"), (os, "forward"), (1, "real")]
    for owner, name in [*owners, (nn.Module, "__init__"), (collections, "forward")]:
        with pytest.raises(InputError, match="getattr"):
            getter(owner, name)


def test_codecs_and_old_ways_of_making_objects_are_held_to_what_weights_need() -> None:
    from torch import nn

    assert found("_codecs", "encode")("ä", "latin1") == b"\xe4"
    for arguments in (("a", "rot13"), ("a",), (b"a", "latin1")):
        with pytest.raises(InputError, match="encode"):
            found("_codecs", "encode")(*arguments)
    make = found("copy_reg", "_reconstructor")
    assert type(make(nn.Linear, object, None)) is nn.Linear
    for arguments in ((nn.Linear, nn.Linear, 1), (nn.Linear, object, 1), (os.system, object, None)):
        with pytest.raises(InputError, match="_reconstructor"):
            make(*arguments)


def test_what_is_allowed_is_found_and_yolov5_is_not_there() -> None:
    assert found("posix", "getcwd", "posix.getcwd") is os.getcwd
    with pytest.raises(InputError):
        found("posix", "system", "posix.getcwd")
    with pytest.raises(ModuleNotFoundError) as caught:
        found("models.yolo", "DetectionModel")
    assert caught.value.name == "models"  # for which Ultralytics says what to do


def test_names_of_python_2_are_found_and_refused_as_those_of_today() -> None:
    values = {"a": {1, 2}, "b": collections.OrderedDict(c=complex(1, 2)), "d": b"\xff"}
    for protocol in range(6):
        assert loaded(pickle.dumps(values, protocol=protocol)) == values
    with pytest.raises(InputError, match=r"builtins\.eval"):
        loaded(b"c__builtin__\neval\n(" + text("1") + b"tR.")
