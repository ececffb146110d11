"""Old names of settings, which saved args.yaml files have and Ultralytics still translates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.core.cfg.schema import RENAMED

_SAME: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "boxes": ("show_boxes", lambda value: value),
    "hide_labels": ("show_labels", lambda value: not value),
    "hide_conf": ("show_conf", lambda value: not value),
    "line_thickness": ("line_width", lambda value: value),
}
_OFF = ("none", "false", "0")


def with_new_names(given: Mapping[Any, Any]) -> dict[Any, Any]:
    """Give settings under the names that they have now, as Ultralytics translates them.

    Of an old and a new name in one mapping that one counts which counts for Ultralytics: the old
    one, except for ``quantize``.
    """
    values = {key: value for key, value in given.items() if key not in RENAMED}
    if (free := given.get("end2end")) is not None:
        values["nms"] = _nms(free, values.get("nms"))
    precisions = {bits: given.get(key) for key, bits in (("int8", 8), ("half", 16))}
    if "quantize" not in values and any(value is not None for value in precisions.values()):
        values["quantize"] = next((bits for bits, on in precisions.items() if _is_on(on)), None)
    for old, (new, translated) in _SAME.items():
        if old in given:
            values[new] = translated(given[old])
    return values


def _nms(end2end: Any, nms: Any) -> Any:
    if not isinstance(end2end, bool):
        return end2end  # no value of nms either, which the check says
    if end2end:
        return False
    return True if nms is True else None


def _is_on(value: Any) -> bool:
    return value is not None and str(value).strip().lower() not in _OFF
