"""Checking one value of a training cfg against its setting."""

from __future__ import annotations

import math
import re
from typing import Any

from pipeline.core.cfg.files import check_text
from pipeline.core.cfg.schema import SCHEMA, Kind, Setting
from pipeline.core.findings import Finding, error
from pipeline.core.said import either, said

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_TOO_BIG = 2**63  # whole numbers of torch, SQLite and MLflow have 64 bits
_BITS = {
    f"{name}{bits}{rest}": bits
    for bits in (8, 16, 32)
    for name, rest in (("", ""), ("int" if bits == 8 else "fp", ""), ("w", f"a{bits}"))
}
_NAMES = {
    "int": said("a whole number"),
    "float": said("a number"),
    "bool": said("True or False"),
    "str": said("text"),
    "list": said("a list in square brackets"),
}


def clean(key: str, value: Any) -> Any:
    """Give the value that people mean: ``1e-3`` as a number, ``None`` as nothing, 100.0 as 100.

    A bool where a number belongs is 0 or 1, as for Ultralytics, which saved such ones itself; names
    of precisions get the form that it trains with. Unknown keys stay as they are.
    """
    setting = SCHEMA.get(key)
    if value == "None":
        return None
    if setting is None:
        return value
    if setting.kind == "choice":
        return _canonical(key, value)
    takes_number = setting.accepts("int") or setting.accepts("float")
    if takes_number and isinstance(value, list):
        return [_as_number(key, part) for part in value]
    if takes_number:
        value = _as_number(key, value)
    whole = setting.kind == "int" and not setting.accepts("float")
    if whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check_value(setting: Setting, value: Any, where: str) -> list[Finding]:
    """Find what is wrong with a value; nothing when training takes it."""
    value = clean(setting.key, value)
    if value is None:
        if setting.nullable:
            return []
        return [_wrong_type(setting, said("nothing"), where)]
    if isinstance(value, float) and not math.isfinite(value):
        return [
            error(
                "setting-range",
                said("'{key}' is {value}.", key=setting.key, value=value),
                where=where,
                next=_hint(setting),
            )
        ]
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, int) and abs(part) >= _TOO_BIG for part in parts):
        message = said("'{key}' has more digits than any computer counts with.", key=setting.key)
        return [error("setting-range", message, where=where, next=_hint(setting))]
    kind = next((kind for kind in (setting.kind, *setting.also) if _is(kind, value, setting)), None)
    if kind is None:
        return [_wrong_type(setting, repr(value)[:80], where)]
    if isinstance(value, list):
        return _check_list(setting, value, where)
    if kind in ("int", "float") and not _in_range(setting, value):
        message = said(
            "'{key}' is {value}; allowed is {allowed}.",
            key=setting.key,
            value=value,
            allowed=allowed(setting),
        )
        return [error("setting-range", message, where=where, next=said("Correct the value."))]
    return check_text(setting, value, where)


def allowed(setting: Setting) -> str:
    """Say in words what a setting takes."""
    if setting.kind == "choice":
        words = [", ".join(map(str, setting.choices))]
    else:
        words = [_limited(setting)]
    words += [_NAMES[kind] for kind in setting.also]
    words += ["null"] * setting.nullable
    return either(words)


def _canonical(key: str, value: Any) -> Any:
    if key not in ("amp", "quantize"):
        return value
    lower = value.lower() if isinstance(value, str) else value
    return _BITS.get(str(lower), lower) if key == "quantize" else lower


def _as_number(key: str, value: Any) -> Any:
    if isinstance(value, bool) and key != "fraction":  # the one that Ultralytics refuses it for
        return int(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return _number(value.strip())
    return value


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _wrong_type(setting: Setting, shown: str, where: str) -> Finding:
    message = said(
        "'{key}' is {value}; allowed is {allowed}.",
        key=setting.key,
        value=shown,
        allowed=allowed(setting),
    )
    return error("setting-type", message, where=where, next=said("Correct the value."))


def _hint(setting: Setting) -> str:
    return said("Allowed is {allowed}.", allowed=allowed(setting))


def _is(kind: Kind, value: Any, setting: Setting) -> bool:
    if kind == "choice":
        given = value.lower() if isinstance(value, str) else value
        options = [c.lower() if isinstance(c, str) else c for c in setting.choices]
        return any(type(given) is type(option) and given == option for option in options)
    if kind == "float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    types: dict[str, type] = {"int": int, "bool": bool, "str": str, "list": list}
    return isinstance(value, types[kind]) and (kind != "int" or not isinstance(value, bool))


def _in_range(setting: Setting, value: float) -> bool:
    if setting.key == "batch":  # -1, a share of the GPU's memory, or a number of images
        return value == -1 or 0 < value < 1 or (value >= 1 and float(value).is_integer())
    if setting.key == "fraction":
        return 0 < value <= 1 or (isinstance(value, int) and value > 1)
    low = -math.inf if setting.low is None else setting.low
    high = math.inf if setting.high is None else setting.high
    return low <= value <= high


def _limited(setting: Setting) -> str:
    what, low, high = _NAMES[setting.kind], setting.low, setting.high
    if setting.key == "batch":
        return said("{what} from 1 up, -1, a share between 0 and 1", what=what)
    if low is not None and high is not None:
        return said("{what} from {low:g} to {high:g}", what=what, low=low, high=high)
    return what if low is None else said("{what} from {low:g} up", what=what, low=low)


def _check_list(setting: Setting, value: list[Any], where: str) -> list[Finding]:
    """Check a list's elements; which ones fit depends on the setting."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
    whole = numbers and all(float(v).is_integer() and v >= 0 for v in value)
    rules = {
        "scale": (numbers and len(value) == 2, said("two numbers, such as [0.5, 1.5]")),
        "fraction": (
            numbers and _are_fractions(value),
            said("shares or numbers of train, val, test"),
        ),
        "imgsz": (
            whole and len(value) in (1, 2) and min(value) > 0,
            said("[height, width] in pixels"),
        ),
        "classes": (whole, said("class ids, such as [0, 2]")),
        "embed": (whole, said("layers, such as [9, 12]")),
        "freeze": (
            all(isinstance(v, (int, str)) for v in value),
            said("layers, such as [0, 1, 23.cv2]"),
        ),
    }
    fits, words = rules.get(setting.key, (True, ""))
    if fits:
        return []
    message = said(
        "'{key}' is {value}; a list here has {words}.",
        key=setting.key,
        value=str(value)[:80],
        words=words,
    )
    return [error("setting-type", message, where=where, next=said("Correct the value."))]


def _are_fractions(value: list[Any]) -> bool:
    fits = all(v >= 0 and (isinstance(v, int) or v <= 1) for v in value)
    return len(value) in (2, 3) and all(value[:2]) and fits
