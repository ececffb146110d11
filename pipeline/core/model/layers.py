"""The layers of a model yaml: each module, where its input comes from, and its arguments."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.model.names import ARGUMENT_KEYS, MODULES, VISION_MODELS, VISION_WEIGHTS, WORDS
from pipeline.core.model.values import (
    MOST_VALUES,
    constant,
    is_number,
    is_whole,
    leaves,
    short,
    shown,
)
from pipeline.core.said import either, said

MAX_LAYERS = 1_000
MAX_REPEATS = 256


@dataclass(frozen=True)
class Problem:
    """One value of a model yaml that is not let through.

    Parameters
    ----------
    keys
        Where it is: ``("head", 3, 2)`` is the module of the head's layer 3.
    code, message, next
        As of a `Finding`.
    """

    keys: tuple[Hashable, ...]
    code: str
    message: str
    next: str

    @property
    def path(self) -> str:
        """Where it is, for people who have no file: ``head[3][2]``."""
        first, *rest = self.keys
        return f"{first}{''.join(f'[{key}]' for key in rest)}"


def check_layers(part: str, rows: Any) -> Iterator[Problem]:
    """Say what is wrong with the rows of ``backbone`` or ``head``."""
    hint = said("Write [from, repeats, module, args] rows.")
    if type(rows) is not list or not rows:
        yield Problem(
            (part,), "model-layers", said("'{part}' is not a list of layers.", part=part), hint
        )
    elif len(rows) > MAX_LAYERS:
        message = said(
            "'{part}' has {count:,} layers; at most {most:,} are built.",
            part=part,
            count=len(rows),
            most=MAX_LAYERS,
        )
        yield Problem((part,), "model-layers", message, said("Write fewer layers."))
    else:
        for index, row in enumerate(rows):
            if type(row) not in (list, tuple) or len(row) != 4 or type(row[2]) is not str:
                message = said(
                    "layer {index} of '{part}' is not [from, repeats, module, args].",
                    index=index,
                    part=part,
                )
                yield Problem((part, index), "model-layers", message, said("Correct it."))
            else:
                yield from _check_row((part, index), row)


def _check_row(where: tuple[str, int], row: list[Any]) -> Iterator[Problem]:
    inputs, repeats, module, arguments = row
    layer = said("layer {index} of '{part}'", index=where[1], part=where[0])
    sources = inputs if type(inputs) in (list, tuple) else [inputs]
    if not 0 < len(sources) <= MOST_VALUES or not all(
        is_whole(source, -2 * MAX_LAYERS, 2 * MAX_LAYERS) for source in sources
    ):
        message = said(
            "{layer} takes its input from {inputs}, no layer or list of layers.",
            layer=layer,
            inputs=shown(inputs),
        )
        yield Problem((*where, 0), "model-layers", message, said("Write -1, or numbers of layers."))
    if not is_whole(repeats, 1, MAX_REPEATS):
        message = said(
            "{layer} repeats {repeats} times, not 1 to {most}.",
            layer=layer,
            repeats=shown(repeats),
            most=MAX_REPEATS,
        )
        yield Problem((*where, 1), "model-layers", message, said("Write a whole number."))
    # Silence is what YOLOv9 called a first layer that does nothing; Ultralytics replaces it.
    if module not in MODULES and (where, module) != (("backbone", 0), "Silence"):
        message = said(
            "{layer}: there is no layer {module} that is known here.",
            layer=layer,
            module=short(module),
        )
        yield Problem((*where, 2), "model-module", message, _meant(module))
    elif type(arguments) not in (list, tuple):
        message = said(
            "{layer}: the arguments are {arguments}, not a list.",
            layer=layer,
            arguments=shown(arguments),
        )
        yield Problem(
            (*where, 3), "model-argument", message, said("Write [64, 3, 2], or [] for none.")
        )
    else:
        yield from _check_arguments((*where, 3), layer, module, list(arguments))


def _check_arguments(
    where: tuple[Hashable, ...], layer: str, module: str, arguments: list[Any]
) -> Iterator[Problem]:
    if module == "TorchVision":
        yield from _check_vision_model(where, layer, arguments)
        arguments = arguments[:1] + arguments[3:]
    values = leaves(arguments)
    if values is None:
        message = said(
            "{layer}: the arguments are more than {most}, or lists nested too deep.",
            layer=layer,
            most=MOST_VALUES,
        )
        yield Problem(
            where, "model-argument", message, said("Write a few numbers and lists of them.")
        )
        return
    for value in values:
        if not _is_argument(value):
            message = said(
                "{layer}: the argument {value} is no number, constant or known word.",
                layer=layer,
                value=shown(value),
            )
            hint = said(
                "Write numbers, True, False, None, one of {names}, or a word such as nearest.",
                names=", ".join(ARGUMENT_KEYS),
            )
            yield Problem(where, "model-argument", message, hint)


def _check_vision_model(
    where: tuple[Hashable, ...], layer: str, arguments: list[Any]
) -> Iterator[Problem]:
    """Let TorchVision build its classifiers only; weights by its own names, no file and no URL."""
    name = arguments[1] if len(arguments) > 1 else ""
    if type(name) is not str or name not in VISION_MODELS:
        message = said(
            "{layer}: {name} is no classifier of torchvision.", layer=layer, name=shown(name)
        )
        yield Problem(where, "model-argument", message, said("Write one such as resnet18."))
    weights = arguments[2] if len(arguments) > 2 else None
    if weights is not None and (type(weights) is not str or weights not in VISION_WEIGHTS):
        message = said(
            "{layer}: {weights} is not how torchvision calls weights.",
            layer=layer,
            weights=shown(weights),
        )
        hint = said("Write one of {names}.", names=", ".join(sorted(VISION_WEIGHTS)))
        yield Problem(where, "model-argument", message, hint)


def _is_argument(value: Any) -> bool:
    if type(value) is str:
        if value in ARGUMENT_KEYS or value in WORDS:
            return True
        try:
            constant(value)
        except ValueError:
            return False
        return True
    return value is None or type(value) is bool or is_number(value)


def _meant(module: str) -> str:
    near = difflib.get_close_matches(module[:60], MODULES, n=3)
    if near:
        return said("Did you mean {names}?", names=either(near))
    return said("Write a layer such as Conv or C2f, nn.Upsample, or torchvision.ops.MLP.")
