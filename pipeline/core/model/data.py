"""A model yaml is data: what Ultralytics would evaluate, look up or build of it must be known.

Its parse_model evaluates ``activation`` as Python, takes a layer's name from whatever its module
holds, and builds as much as is asked for. This module says what is wrong with such a mapping before
anything of it is evaluated, be it read from a file or out of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.model.layers import Problem, check_layers
from pipeline.core.model.names import TEXT_MODELS
from pipeline.core.model.size import check_size
from pipeline.core.model.values import (
    LARGEST,
    MAX_CLASSES,
    is_activation,
    is_number,
    is_whole,
    short,
    shown,
)
from pipeline.core.said import said
from pipeline.core.yamltext.values import whole_number

PARTS = ("backbone", "head")
_MAX_SCALE = 16
_MAX_CHANNELS = 65_536
_MAX_REG = 256
_MAX_KEYPOINTS = 1_000


def check_model_data(model: Mapping[Any, Any]) -> list[Problem]:
    """Find everything in a model yaml that Ultralytics must not get to see.

    Parameters
    ----------
    model
        The yaml's top level, as it was parsed; or the ``yaml`` of a checkpoint's model.

    Returns
    -------
    list of Problem
        Empty when each module, argument and setting is known, and the model is of a sane size.
    """
    found = [*_check_settings(model), *_check_scales(model)]
    for part in PARTS:
        found += check_layers(part, model.get(part))
    if found:
        return found
    return [
        Problem(place, "model-size", message, said("Make the model smaller."))
        for place, message in check_size(model)
    ]


def _check_settings(model: Mapping[Any, Any]) -> Iterator[Problem]:
    activation = model.get("activation")
    if activation is not None and activation != "" and not is_activation(activation):
        message = said(
            "'activation' is {value}, not a call of an activation of torch.nn.",
            value=shown(activation),
        )
        hint = said(
            "Write nn.SiLU() or torch.nn.LeakyReLU(0.1); numbers at most {most:,}.", most=LARGEST
        )
        yield Problem(("activation",), "model-activation", message, hint)
    nc = model.get("nc")
    count = whole_number(nc) if type(nc) in (int, float, str) else None
    if "nc" in model and (count is None or not 1 <= count <= MAX_CLASSES):
        message = said(
            "'nc' is {value}, not a number of classes, 1 to {most:,}.",
            value=shown(nc),
            most=MAX_CLASSES,
        )
        hint = said("Write nc: 80; training takes the data's number of classes.")
        yield Problem(("nc",), "model-classes", message, hint)
    text_model = model.get("text_model")
    if text_model is not None and text_model not in TEXT_MODELS:
        message = said(
            "'text_model' is {value}, not one of {names}.",
            value=shown(text_model),
            names=", ".join(TEXT_MODELS),
        )
        yield Problem(("text_model",), "model-setting", message, said("Write one of them."))
    yield from _check_plain_settings(model)


def _check_plain_settings(model: Mapping[Any, Any]) -> Iterator[Problem]:
    shape = model.get("kpt_shape")
    is_shape = (
        isinstance(shape, list | tuple)
        and len(shape) == 2
        and all(is_whole(part, 1, _MAX_KEYPOINTS) for part in shape)
    )
    allowed = {
        "reg_max": (
            is_whole(model.get("reg_max"), 1, _MAX_REG),
            said("1 to {most:,}", most=_MAX_REG),
        ),
        "end2end": (type(model.get("end2end")) is bool, said("True or False")),
        "inplace": (type(model.get("inplace")) is bool, said("True or False")),
        "kpt_shape": (
            is_shape,
            said("[keypoints, 2 or 3], at most {most:,} keypoints", most=_MAX_KEYPOINTS),
        ),
        "channels": (
            is_whole(model.get("channels"), 1, LARGEST),
            said("1 to {most:,}", most=LARGEST),
        ),
        "depth_multiple": (
            _is_factor(model.get("depth_multiple")),
            said("above 0 to {most}", most=_MAX_SCALE),
        ),
        "width_multiple": (
            _is_factor(model.get("width_multiple")),
            said("above 0 to {most}", most=_MAX_SCALE),
        ),
        "scale": (type(model.get("scale")) is str, said("a letter of 'scales'")),
    }
    for key, (is_allowed, what) in allowed.items():
        if model.get(key) is not None and not is_allowed:
            message = said(
                "'{key}' is {value}, not {allowed}.", key=key, value=shown(model[key]), allowed=what
            )
            yield Problem((key,), "model-setting", message, said("Correct it, or remove it."))


def _check_scales(model: Mapping[Any, Any]) -> Iterator[Problem]:
    if "scales" not in model:
        return
    scales, hint = model["scales"], said("Write n: [0.33, 0.25, 1024].")
    if not isinstance(scales, dict) or not scales:
        message = said("'scales' is not a mapping of letters to [depth, width, channels].")
        yield Problem(("scales",), "model-scales", message, hint)
        return
    for scale, factors in scales.items():
        if not _are_factors(factors):
            message = said(
                "scale {scale} is {factors}, not [depth, width, channels].",
                scale=short(scale),
                factors=shown(factors),
            )
        elif not (all(map(_is_factor, factors[:2])) and 1 <= factors[2] <= _MAX_CHANNELS):
            message = said(
                "scale {scale} is {factors}; depth and width are above 0 to {most}, channels 1 to "
                "{most_channels:,}.",
                scale=short(scale),
                factors=shown(factors),
                most=_MAX_SCALE,
                most_channels=_MAX_CHANNELS,
            )
        else:
            continue
        yield Problem(("scales", scale), "model-scales", message, hint)


def _are_factors(value: Any) -> bool:
    return type(value) in (list, tuple) and len(value) == 3 and all(map(is_number, value))


def _is_factor(value: Any) -> bool:
    return is_number(value) and 0 < value <= _MAX_SCALE
