"""The hyperparameter form: one typed field a setting, made from the schema."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
import yaml

from dashboard.i18n import tr, tr_said_text, tr_text
from dashboard.plain import Markdown
from pipeline.core.cfg.schema import GROUPS, UNUSED_GROUPS, Setting

OnChange = Callable[[str, Any], None]
_ALWAYS = ("epochs", "imgsz", "batch", "lr0")
_HIDDEN_GROUPS = (*UNUSED_GROUPS, "slipway")
_PILLS = ("optimiser", "augmentation", "loss")  # the others are in "all"


def cfg_form(
    schema: Mapping[str, Setting],
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    *,
    scope: str,
    on_change: OnChange,
) -> None:
    """Show settings to edit; what differs from the cfg or from the default is marked.

    Parameters
    ----------
    schema
        All settings.
    base
        Values without overrides: defaults and the cfg file over them.
    overrides
        What this launch changes.
    scope
        Identity of the cfg; another one resets the fields.
    on_change
        Called with key and new value; a value equal to `base` means no override.
    """
    changed = changed_keys(schema, base, overrides)
    search, view = _filters(schema, len(changed))
    shown = _chosen(schema, changed, search, view)
    if not shown:
        st.caption(tr("No setting is called or described by “{search}”.", search=search))
    is_long = view == "all" and not search
    for group in dict.fromkeys(schema[key].group for key in shown) if is_long else [""]:
        keys = [key for key in shown if not group or schema[key].group == group]
        if group:
            st.caption(tr(GROUPS[group]))
        with st.container(key=f"cfg-fields-{group}"):  # a grid, by the style sheet
            for key in keys:
                _field(schema[key], base.get(key), overrides, scope, on_change)


def changed_keys(
    schema: Mapping[str, Setting], base: Mapping[str, Any], overrides: Mapping[str, Any]
) -> list[str]:
    """Give the settings whose value differs from Ultralytics' default, in the schema's order."""
    values = {**base, **overrides}
    return [
        key
        for key, setting in schema.items()
        if key in overrides
        or (key in values and values[key] != setting.default and not setting.owned)
    ]


def shown_value(value: Any) -> str:
    """Write a value as in a cfg file."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (bool, int, str)):
        return str(value)
    return str(yaml.safe_dump(value, default_flow_style=True)).strip()


def override_text(value: Any) -> str:
    """Write a value as ``KEY=VALUE`` takes it."""
    from pipeline.core.cfg.train_cfg import parse_override  # what reads it back

    if value is None:
        return "null"
    text = shown_value(value)
    if isinstance(value, str) and parse_override(f"value={text}")[1] != value:
        return json.dumps(value, ensure_ascii=False)
    return text


def _filters(schema: Mapping[str, Setting], changed: int) -> tuple[str, str]:
    visible = [setting for setting in schema.values() if setting.group not in _HIDDEN_GROUPS]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    search = row.text_input(
        tr("Hyperparameters"),
        placeholder=tr("search {count} settings", count=len(visible)),
        key="cfg_form.search",
        width=210,
    )
    labels = {
        "changed": tr("changed {changed}", changed=changed),
        "common": tr("common"),
        "all": tr("all"),
        **{group: Markdown(tr(GROUPS[group]).lower()) for group in _PILLS},
    }
    view = row.pills(
        tr("Show"),
        ["changed", "common", *_PILLS, "all"],
        default="changed",
        required=True,
        format_func=lambda name: labels[name],
        key="cfg_form.view",
        label_visibility="collapsed",
    )
    return (search or "").strip().lower(), str(view)


def _chosen(
    schema: Mapping[str, Setting], changed: Sequence[str], search: str, view: str
) -> list[str]:
    if search:
        by_name = [key for key in schema if search in key.lower()]
        by_help = [
            key for key, setting in schema.items() if search in tr_text(setting.help).lower()
        ]
        return list(dict.fromkeys(by_name + by_help))
    if view == "changed":
        first = [key for key in _ALWAYS if key in schema]
        return first + [key for key in changed if key not in first]
    if view == "common":
        return [key for key, setting in schema.items() if setting.is_common]
    return [
        key
        for key, setting in schema.items()
        if setting.group == view or (view == "all" and setting.group not in _HIDDEN_GROUPS)
    ]


def _field(
    setting: Setting,
    base: Any,
    overrides: Mapping[str, Any],
    scope: str,
    on_change: OnChange,
) -> None:
    value = overrides.get(setting.key, base)
    widget = f"cfg_form.{scope}.{setting.key}"
    label = setting.key
    if setting.key in overrides and value != base:
        label += tr(" :blue[was {value}]", value=shown_value(base) or "empty")
    elif value != setting.default and not setting.owned:
        label += tr(" :gray[default {value}]", value=shown_value(setting.default) or "empty")
    common: dict[str, Any] = {
        "label": label,
        "key": widget,
        "help": _help(setting),
        "disabled": bool(setting.owned),
        "on_change": lambda: on_change(setting.key, _read(setting, st.session_state[widget])),
    }
    _WIDGETS[_kind(setting, value)](setting, value, widget, common)


def _kind(setting: Setting, value: Any) -> str:
    """Choose the widget that can hold the value, whatever is in the file."""
    if setting.kind == "bool" and isinstance(value, bool) and not setting.also:
        return "bool"
    if setting.kind == "choice" and value in setting.choices and not setting.also:
        return "choice"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    whole = isinstance(value, int) or not setting.accepts("int")
    if setting.kind in ("int", "float") and is_number and whole and _fits(setting, value):
        return setting.kind if isinstance(value, int) or setting.kind == "float" else "str"
    return "str"


def _fits(setting: Setting, value: float) -> bool:
    low = -math.inf if setting.low is None else setting.low
    high = math.inf if setting.high is None else setting.high
    return low <= value <= high


def _int_field(setting: Setting, value: Any, widget: str, common: dict[str, Any]) -> None:
    limits = {
        "min_value": None if setting.low is None else math.ceil(setting.low),
        "max_value": None if setting.high is None else math.floor(setting.high),
        "step": 32 if setting.key == "imgsz" else 1,
    }
    _hold(widget, int(value))
    st.number_input(**{**common, **limits})


def _float_field(setting: Setting, value: Any, widget: str, common: dict[str, Any]) -> None:
    limits = {
        "min_value": None if setting.low is None else float(setting.low),
        "max_value": None if setting.high is None else float(setting.high),
        "step": _step(setting, value),
        "format": "%g",
    }
    _hold(widget, float(value))
    st.number_input(**{**common, **limits})


def _bool_field(_: Setting, value: Any, widget: str, common: dict[str, Any]) -> None:
    _hold(widget, value)
    st.selectbox(**common, options=[True, False], format_func=lambda on: "on" if on else "off")


def _choice_field(setting: Setting, value: Any, widget: str, common: dict[str, Any]) -> None:
    _hold(widget, value)
    st.selectbox(**common, options=list(setting.choices), format_func=lambda c: str(c))


def _text_field(setting: Setting, value: Any, widget: str, common: dict[str, Any]) -> None:
    _hold(widget, shown_value(value))
    st.text_input(**common, placeholder=tr("empty") if setting.nullable else None)


_WIDGETS = {
    "int": _int_field,
    "float": _float_field,
    "bool": _bool_field,
    "choice": _choice_field,
    "str": _text_field,
}


def _hold(widget: str, value: Any) -> None:
    """Make the field show the value that counts, also when it was changed elsewhere."""
    if st.session_state.get(widget, _hold) != value:
        st.session_state[widget] = value


def _step(setting: Setting, value: float) -> float:
    """Give a step that suits the size of the value: 0.001 for 0.003, 0.1 for 0.9."""
    size = abs(value) or abs(setting.default or 0) or 0.1
    return float(10 ** (math.floor(math.log10(size))))


def _help(setting: Setting) -> str:
    if setting.owned:
        owned = tr_said_text(setting.owned)
        return tr("{help}. Not set here: {owned}.", help=tr_text(setting.help), owned=owned)
    limits = ""
    if setting.low is not None or setting.high is not None:
        low = "−∞" if setting.low is None else f"{setting.low:g}"
        high = "∞" if setting.high is None else f"{setting.high:g}"
        limits = tr(" Range {low} to {high}.", low=low, high=high)
    return tr(
        "{help}.{limits} Default {value}.",
        help=tr_text(setting.help),
        limits=limits,
        value=shown_value(setting.default) or "empty",
    )


def _read(setting: Setting, value: Any) -> Any:
    """Turn what the field holds into a setting's value."""
    if not isinstance(value, str) or setting.kind == "choice":
        return value
    if not value.strip():
        return None if setting.nullable else ""
    from pipeline.core.cfg.train_cfg import parse_override  # shares the command line's reading

    return parse_override(f"{setting.key}={value}")[1]
