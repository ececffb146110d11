"""What no object of a pickle may hold, since Python, torch or Ultralytics would call it.

Objects of models are made without a call, but what they are given as attributes is used as soon as
they are: special methods, hooks, what stands in place of a method. The rules hold for whatever was
given a state, and are applied when all is read, for a dict may be filled after it was given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.core.weights.calls import Made, Pairs, is_kind
from pipeline.core.weights.classes import METHODS
from pipeline.core.weights.graph import children, states_of
from pipeline.core.weights.names import Name

_HOOKS = re.compile(r"_\w*hooks\w*")
_HELD = {"_parameters": "tensor", "_buffers": "tensor", "_modules": "instance"}
_FEATURE_HOOK = "ultralytics.nn.distill_model.FeatureHook"
_DETECT = ("ultralytics.nn.modules.head.Detect", "ultralytics.nn.modules.Detect")


def hostile_states(values: Iterable[Any]) -> list[str]:
    """List the attributes of objects that would be called, or hide something from its check."""
    values = [*values]
    states = {id(state) for value in values for state in states_of(value)}
    found: dict[str, None] = {}
    for value in values:
        for state in states_of(value):
            found.update(dict.fromkeys(_problems(value, state)))
        if id(value) not in states and any(is_kind(child, "method") for child in children(value)):
            found["a method that is kept as a value"] = None
    return [*found]


def _problems(owner: Any, state: Pairs) -> Iterator[str]:
    for key, value in state.pairs():
        if not isinstance(key, str):
            continue
        if key.startswith("__"):
            yield f"{key} (an attribute that Python itself uses)"
        elif key in _HELD and not _holds_only(value, _HELD[key]):
            yield f"{key} (with something else than {_HELD[key]}s)"
        elif _HOOKS.fullmatch(key) and not _is_unused(key, value):
            yield f"{key} (what runs whenever the model does)"
        elif is_kind(value, "method") and not _is_usual_method(owner, key, value):
            yield f"a method that is kept as {key}"
        elif is_kind(value, "instance") and (key in METHODS or key.startswith("_")):
            yield f"{key} (an object in place of a method)"


def _holds_only(value: Any, kind: str) -> bool:
    return isinstance(value, Pairs) and all(
        isinstance(key, str) and (entry is None or is_kind(entry, kind, "any"))
        for key, entry in value.pairs()
    )


def _is_unused(key: str, value: Any) -> bool:
    """Say whether there are no hooks, or those with which a distillation collects outputs."""
    if value is None or isinstance(value, (bool, list, tuple)):
        return not value
    if not isinstance(value, Pairs) or value.states:
        return False
    is_forward = key == "_forward_hooks"
    return all(is_forward and _is_feature_hook(hook) for _, hook in value.pairs())


def _is_feature_hook(hook: Any) -> bool:
    if not isinstance(hook, Made) or hook.made_of != _FEATURE_HOOK:
        return False
    held = [pair for state in states_of(hook) for pair in state.pairs()]
    return all(
        (key == "feat_dict" and isinstance(value, Pairs) and not value.items)
        or (key == "idx" and type(value) is int)
        for key, value in held
    )


def _is_usual_method(owner: Any, key: str, method: Made) -> bool:
    """Say whether it is the object's own, or the one that segmentation models keep."""
    of = method.args[0]
    if isinstance(of, Name):
        return key == "detect" and of.full in _DETECT and method.args[1] == "forward"
    return key == "forward" and of is owner
