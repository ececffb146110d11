"""Builds a model with Ultralytics and says at which layer that goes wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.printable import one_line
from pipeline.core.yamltext.file import YamlFile
from pipeline.core.yamltext.values import whole_number
from step_images.guards.yamls import require_sound_model

_MAX_REASON = 300


def build(document: YamlFile, path: Path, imgsz: int) -> dict[str, Any]:
    """Build a detector from a yaml and pass one empty image through.

    Parameters
    ----------
    document
        The yaml; its name is what people know it by.
    path
        The file, whose name has the scale.
    imgsz
        Side of the image in pixels; rounded up to the model's largest stride, as in a training.

    Returns
    -------
    dict
        ``imgsz``, ``nc``, ``scale``, ``layers`` (modules without submodules), ``parameters``,
        ``gflops`` (None when it cannot be counted), ``stride``, ``build_s``, ``forward_s``,
        ``device``.

    Raises
    ------
    InputError
        A layer is not known, cannot be made, or the image does not pass it; `where` names its line.
    """
    import torch
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils.torch_utils import get_flops, get_num_params

    require_sound_model(document)
    started = time.monotonic()
    with _explained(document, "cannot be built"):
        model = DetectionModel(str(path), nc=whole_number(document.data["nc"]), verbose=True)
    build_s = time.monotonic() - started
    stride = int(max(model.stride))
    side = -(-imgsz // stride) * stride
    device = "cuda:0" if torch.cuda.is_available() else "cpu"
    with _explained(document, f"lets no image of {side} px pass"), torch.inference_mode():
        model = model.to(device).eval()
        image = torch.zeros(1, model.yaml.get("channels", 3), side, side, device=device)
        started = time.monotonic()
        model(image)
        if device != "cpu":
            torch.cuda.synchronize()
        forward_s = time.monotonic() - started
    return {
        "imgsz": side,
        "nc": model.yaml["nc"],
        "scale": str(model.yaml.get("scale") or next(iter(document.data.get("scales") or ()), "")),
        "layers": sum(1 for module in model.modules() if not module._modules),
        "parameters": get_num_params(model),
        "gflops": get_flops(model, side) or None,
        "stride": stride,
        "build_s": round(build_s, 3),
        "forward_s": round(forward_s, 3),
        "device": device,
    }


@contextmanager
def _explained(document: YamlFile, what: str) -> Iterator[None]:
    """Turn whatever Ultralytics and torch raise into a sentence with the layer's line."""
    try:
        yield
    except InputError:  # a yaml that was changed a moment ago, refused before it was evaluated
        raise
    except Exception as reason:  # a yaml can make each of its modules raise anything
        layer = _layer(reason.__traceback__)
        rows = [
            (part, index)
            for part in ("backbone", "head")
            for index in range(len(document.data[part]))
        ]
        if layer is None or not 0 <= layer < len(rows):
            raise InputError(
                f"the model {what}: {_reason(reason)}.", where=document.name, next="Correct it."
            ) from reason
        part, index = rows[layer]
        module, where = document.data[part][index][2], document.where(part, index)
        line = where.rpartition(":")[2]
        raise InputError(
            f"layer {layer} ({module}, line {line}) {what}: {_reason(reason)}.",
            where=where,
            next="Correct this line, or the layers that it takes its input from.",
        ) from reason


def _layer(trace: TracebackType | None) -> int | None:
    """Find the layer that Ultralytics was at: its loops over the layers are on the traceback."""
    layer = None
    while trace:
        names, code = trace.tb_frame.f_locals, trace.tb_frame.f_code.co_name
        if code == "parse_model" and isinstance(names.get("i"), int):
            layer = names["i"]
        elif code == "_predict_once":
            layer = getattr(names.get("m"), "i", layer)
        trace = trace.tb_next
    return layer


def _reason(reason: Exception) -> str:
    if isinstance(reason, KeyError) and reason.args:
        return f"there is no {reason.args[0]!r}"
    said = one_line(reason)[:_MAX_REASON].rstrip(".")
    return f"{type(reason).__name__}: {said}" if said else type(reason).__name__
