"""The second barrier before weights: an unpickler that finds nothing but what weights need.

`pipeline.core.weights` reads a file as data before it is opened; should torch ever read the same
file differently, this is what its pickle can still name. The lists are the same, resolved really.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.weights.calls import CALLS, METHODS
from pipeline.core.weights.classes import CLASSES, PLAIN, YOLOV5
from pipeline.core.weights.names import ARGUMENTS, STORAGES, VALUES, modern

_LISTED = {*CALLS, *STORAGES, *VALUES, *ARGUMENTS}


def safe_pickle(allow: Collection[str]) -> Any:
    """Give what ``torch.load`` takes as ``pickle_module``.

    Parameters
    ----------
    allow
        Further names, as ``module.Name``, that may be found.
    """

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            return _find(module, name, allow)

    def load(file: Any, **options: Any) -> Any:
        return Unpickler(file, **options).load()

    return SimpleNamespace(__name__="pickle", Unpickler=Unpickler, load=load)


def _find(module: str, name: str, allow: Collection[str]) -> Any:
    module, name = modern(module, name)
    full = f"{module}.{name}"
    if full in _REPLACED and full not in allow:
        return _REPLACED[full]
    is_class = name in CLASSES.get(module, ())
    if not (is_class or full in _LISTED or full in allow):
        raise _refused(full)
    if name in YOLOV5.get(module, ()) and full not in allow:  # Ultralytics says more about those
        raise ModuleNotFoundError(f"No module named '{module}'", name="models")
    found = getattr(importlib.import_module(module), name)
    if is_class and full not in allow and not _is_class_of_models(found, module, name):
        raise _refused(full)
    return found


def _is_class_of_models(found: Any, module: str, name: str) -> bool:
    from torch import nn

    is_plain = name in PLAIN.get(module, ())
    return isinstance(found, type) and (is_plain or issubclass(found, nn.Module))


def _refused(what: str) -> InputError:
    return InputError(
        f"The weights would run code that is not a model's: {what}.",
        next="Do not use this file: it was made to look different when it is checked.",
    )


def _method(owner: Any, name: str) -> Any:
    from torch import nn

    of = owner if isinstance(owner, type) else type(owner)
    if name not in METHODS or not issubclass(of, nn.Module):
        raise _refused("builtins.getattr of what is no model's forward")
    # not by way of the object, whose attributes are the file's
    return getattr(of, name) if of is owner else getattr(of, name).__get__(owner)


def _latin1(text: Any, encoding: Any = None) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _refused("_codecs.encode to something else than Latin-1")
    return text.encode("latin-1")


def _reconstructed(of: Any, base: Any, state: Any) -> Any:
    """Make an object as pickles of protocol 0 and 1 do, without the ``__init__`` of a base."""
    if base is not object or state is not None or not isinstance(of, type):
        raise _refused("copyreg._reconstructor of another base than object")
    return object.__new__(of)


_REPLACED: dict[str, Callable[..., Any]] = {
    "builtins.getattr": _method,
    "_codecs.encode": _latin1,
    "copyreg._reconstructor": _reconstructed,
}
