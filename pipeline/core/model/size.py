"""About how large a model yaml makes a model: a few lines could ask for all of a machine's memory.

The estimate only tells models from nonsense; the largest of Ultralytics is far from the limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.model.values import LARGEST, leaves, size
from pipeline.core.said import said

MAX_OTHER = 256  # of what is no number of channels: windows, strides, padding, layers in a layer
MAX_PARAMETERS = 10e9  # 40 GB
MAX_CHANNELS = 65_536
MAX_ENLARGING = 64
_LEAST_AREA = 9
_VISION_MODEL = 6.4e8  # parameters of torchvision's largest
# Arguments that count channels, groups or queries; of a layer that is not listed, the first.
_CHANNELS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("Conv", "Conv2", "RepConv"), (0, 4)),
    **dict.fromkeys(("ELAN1", "RepNCSPELAN4", "Segment", "Segment26"), (0, 1, 2)),
    **dict.fromkeys(("SPPELAN", "ResNetLayer", "HGStem", "HGBlock", "ImagePoolingAttn"), (0, 1)),
    **dict.fromkeys(("WorldDetect", "YOLOEDetect", "LRPCHead", "nn.Linear"), (0, 1)),
    **dict.fromkeys(("nn.GroupNorm", "nn.Unflatten", "torchvision.ops.MLP"), (0, 1)),
    **dict.fromkeys(("YOLOESegment", "YOLOESegment26"), (0, 1, 2, 3)),
    "C2fAttn": (0, 1, 2, 3),
    "RTDETRDecoder": (0, 1, 2, 6, 10),
    "nn.Conv2d": (0, 1, 6),
    "nn.ConvTranspose2d": (0, 5),
    "torchvision.ops.SqueezeExcitation": (0, 1),
    "torchvision.ops.Conv2dNormActivation": (0, 1, 5),
}
# Layers that give as many channels as they get, by the middle of their names.
_KEEPING = re.compile(r"Concat|CBFuse|nn\.Upsampl|nn\.Pixel|Pool2d|Pad2d")
# Which argument says how many times larger the image gets.
_ENLARGING = {
    **dict.fromkeys(("nn.Upsample", "nn.UpsamplingNearest2d", "nn.UpsamplingBilinear2d"), 1),
    **dict.fromkeys(("nn.ConvTranspose2d", "ConvTranspose", "DWConvTranspose2d"), 2),
    "nn.PixelShuffle": 0,
}
Place = tuple[str, int]


def check_size(model: Mapping[Any, Any]) -> list[tuple[Place, str]]:
    """Find the layers that make a model absurdly large.

    Parameters
    ----------
    model
        A model yaml whose values are all of the right kind.

    Returns
    -------
    list of tuple
        Part and index of a layer, and a sentence; of what adds up, the layer that goes too far.
    """
    parts = ("backbone", "head")
    rows = [((part, index), row) for part in parts for index, row in enumerate(model[part])]
    found = [(place, what) for place, row in rows if (what := _too_large_number(row))]
    if not found:
        so_far = _Built(model)
        for place, row in rows:
            so_far.add(row)
            if what := so_far.too_large():
                found = [(place, said("the model gets {what}", what=what))]
                break
    return [
        ((part, at), said("layer {index} of '{part}': {what}.", index=at, part=part, what=what))
        for (part, at), what in found
    ]


class _Built:
    """What the layers so far come to; at each of them channels and how often it is enlarged."""

    def __init__(self, model: Mapping[Any, Any]) -> None:
        scales = (model.get("scales") or {}).values()
        multiples = (model.get("depth_multiple", 1.0), model.get("width_multiple", 1.0))
        self._depth = max(1.0, *(factors[0] for factors in scales), multiples[0] or 1.0)
        self._width = max(1.0, *(factors[1] for factors in scales), multiples[1] or 1.0)
        self._channels = [float(model.get("channels") or 3)]
        self._enlarged = [1.0]
        self._parameters = 0.0

    def add(self, row: Sequence[Any]) -> None:
        inputs, repeats, module, arguments = row
        sources = inputs if isinstance(inputs, list | tuple) else [inputs]
        entering = sum(_at(self._channels, source) for source in sources)
        wide, other = _sizes(module, arguments)
        own = sum(wide) * self._width
        weights = max(entering, own) * own * max(_LEAST_AREA, *(number**2 for number in other))
        weights = _VISION_MODEL if module == "TorchVision" else weights
        self._parameters += weights * max(1.0, repeats * self._depth)
        enlarged = max(_at(self._enlarged, source) for source in sources)
        self._enlarged.append(enlarged * _enlarging(module, arguments) ** min(repeats, 32))
        self._channels.append(own or entering)

    def too_large(self) -> str:
        if self._channels[-1] > MAX_CHANNELS:
            return said("more than {most:,} channels", most=MAX_CHANNELS)
        if self._enlarged[-1] > MAX_ENLARGING:
            return said("an image enlarged more than {most} times", most=MAX_ENLARGING)
        if self._parameters > MAX_PARAMETERS:
            return said("more than about {most:,.0f} parameters", most=MAX_PARAMETERS)
        return ""


def _at(values: Sequence[float], source: int) -> float:
    """Give the value of a layer that a row takes its input from; the first is the image's."""
    index = source + 1 if source >= 0 else source
    return values[index] if -len(values) <= index < len(values) else max(values)


def _sizes(module: str, arguments: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Give the numbers that count channels, and the others."""
    channels = _CHANNELS.get(module, () if _KEEPING.search(module) else (0,))
    wide: list[float] = []
    other = [1.0]
    for index, argument in enumerate(arguments):
        numbers = [number for leaf in leaves(argument) or () if (number := size(leaf)) is not None]
        (wide if index in channels else other).extend(numbers)
    return wide, other


def _enlarging(module: str, arguments: Sequence[Any]) -> float:
    index = _ENLARGING.get(module)
    if index is None or index >= len(arguments):
        return 2.0 if module == "ConvTranspose" else 1.0
    return max([1.0, *(size(leaf) or 1.0 for leaf in leaves(arguments[index]) or ())])


def _too_large_number(row: Sequence[Any]) -> str:
    wide, other = _sizes(row[2], row[3])
    for numbers, limit in ((wide, LARGEST), (other, MAX_OTHER)):
        for number in numbers:
            if not number <= limit:
                return said(
                    "the argument {number:g} of {module} is more than {most:,}",
                    number=number,
                    module=row[2],
                    most=limit,
                )
    return ""
