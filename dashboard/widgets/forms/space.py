"""The form of a search space: what is varied, between which values, around the current ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard.i18n import marked, tr, tr_text
from dashboard.plain import Markdown, plain
from dashboard.widgets.forms import space_fixes
from dashboard.widgets.forms.cfg import override_text, shown_value
from pipeline.core.cfg.schema import GROUPS, SCHEMA
from pipeline.core.space import edit as space_edit
from pipeline.core.space.edit import CHOICES, entries
from pipeline.core.space.form import SCALES, check_entry
from pipeline.core.space.presets import PRESETS, suggested
from pipeline.core.space.search_space import AUTO_IGNORES, check_launched, is_auto

# Of the presets, for `tr`.
TITLES = {
    "default": marked("a bit of everything"),
    "learning rate": marked("learning rate"),
    "augmentation": marked("augmentation"),
    "loss weights": marked("loss weights"),
    "all": marked("all of these"),
}
_SCALES = {
    "linear": marked("linear"),
    "log": marked("log"),
    "int": marked("whole"),
    CHOICES: marked("choices"),
}


@dataclass(frozen=True)
class SpaceForm:
    """What the form shows, and who is told of changes.

    Parameters
    ----------
    document
        What a ``tune-*.yaml`` holds, also with mistakes in it.
    cfg
        The effective cfg: where current values come from.
    scope
        Identity of the space, for the fields' keys.
    on_change
        Called with the changed document.
    overrides
        What the launch fixes.
    choose
        Changes a setting of the launch: key and value, None for what the cfg says; None where
        there is no launch.
    """

    document: Mapping[str, Any]
    cfg: Mapping[str, Any]
    scope: str
    on_change: Callable[[dict[str, Any]], None]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    choose: Callable[[str, Any], None] | None = None

    def key(self, *parts: Any) -> str:
        """Give the key of a field; the style sheet goes by the first part of some."""
        return ".".join(["space", *map(str, parts), self.scope])

    def current(self, key: str) -> Any:
        """Give the value of a setting without the search."""
        return self.cfg.get(key, SCHEMA[key].default)


def space_form(form: SpaceForm) -> None:
    """Show what is searched, one setting a row, to change, add and remove."""
    _show_presets(form)
    space = entries(form.document)
    with st.container(key=form.key("frame")), st.container(key=form.key("rows")):
        if space:
            for title in (tr("setting"), tr("lowest"), tr("highest"), tr("drawn"), "&nbsp;"):
                st.caption(title)
        for key in space:
            _show_row(form, key)
    if not space:
        st.caption(tr("Nothing is searched yet: take a preset, or add a setting."))
    _show_adding(form)


def hold(key: str, value: Any) -> str:
    """Make a field show the value that counts, also when it was changed elsewhere."""
    if st.session_state.get(key, hold) != value:
        st.session_state[key] = value
    return key


def _show_presets(form: SpaceForm) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(tr("What to search"), width="content")
        for name, title in TITLES.items():
            keys = [key for key in PRESETS[name] if key in SCHEMA]
            st.button(
                tr(title),
                key=form.key("preset", name),
                help=tr("Around the current values: {keys}.", keys=", ".join(keys)),
                on_click=lambda name=name: form.on_change(
                    space_edit.with_preset(form.document, name, form.cfg)
                ),
            )
    if is_auto(form.cfg) and not set(AUTO_IGNORES) & entries(form.document).keys():
        st.caption(
            tr(
                "optimizer=auto chooses lr0 and momentum itself, so presets leave them out. Name "
                "an optimizer in the settings to search them."
            )
        )


def _show_row(form: SpaceForm, key: Any) -> None:
    entry = entries(form.document)[key]
    name = plain(str(key))
    if key in SCHEMA:
        now = plain(shown_value(form.current(key)) or tr("empty"))
        st.markdown(f"**{name}** :gray[{now}]", help=_help(key))
    else:
        st.markdown(f"**{name}**")
    if key not in SCHEMA or not isinstance(entry, dict):
        with st.container(key=form.key("span3", key)):
            st.markdown(f":gray[{plain(str(entry)[:80])}]")
    elif CHOICES in entry:
        _show_choices(form, key, entry)
    else:
        _show_range(form, key, entry)
    st.button(
        "",
        key=form.key("field", key, "remove"),
        icon=":material/close:",
        type="tertiary",
        help=tr("Search {key} no more", key=name),
        on_click=lambda: form.on_change(space_edit.without(form.document, key)),
    )
    _show_problems(form, key)


def _show_range(form: SpaceForm, key: str, entry: Mapping[str, Any]) -> None:
    for end, title in (("low", tr("lowest")), ("high", tr("highest"))):
        widget = form.key("field", key, end)
        st.text_input(
            f"{plain(key)} {title}",
            key=hold(widget, shown_value(entry.get(end))),
            label_visibility="collapsed",
            on_change=lambda end=end, widget=widget: _change(
                form, key, {**entry, end: _read(key, st.session_state[widget])}
            ),
        )
    _show_scale(form, key, entry)


def _show_choices(form: SpaceForm, key: str, entry: Mapping[str, Any]) -> None:
    setting = SCHEMA[key]
    is_number = setting.accepts("int") or setting.accepts("float")
    listed = entry[CHOICES] if isinstance(entry[CHOICES], list) else [entry[CHOICES]]
    chosen = [override_text(value) for value in listed]
    offered = [override_text(value) for value in suggested(key, form.current(key)).choices]
    offered += [override_text(form.current(key))] if form.current(key) is not None else []
    widget = form.key("span2" if is_number else "span3", key)
    st.multiselect(
        f"{plain(key)} {tr('choices')}",
        list(dict.fromkeys([*chosen, *offered])),
        key=hold(widget, chosen),
        label_visibility="collapsed",
        accept_new_options=is_number,
        on_change=lambda: _change(
            form, key, {CHOICES: [_read(key, text) for text in st.session_state[widget]]}
        ),
    )
    if is_number:
        _show_scale(form, key, entry)


def _show_scale(form: SpaceForm, key: str, entry: Mapping[str, Any]) -> None:
    is_whole = SCHEMA[key].kind == "int"
    scale = CHOICES if CHOICES in entry else entry.get("scale", "int" if is_whole else "linear")
    known = ["int"] if is_whole else list(SCALES)
    widget = form.key("field", key, "scale")
    st.selectbox(
        f"{plain(key)} {tr('drawn')}",
        list(dict.fromkeys([*known, CHOICES, scale])),
        key=hold(widget, scale),
        format_func=lambda name: tr(_SCALES[name]) if name in _SCALES else str(name),
        label_visibility="collapsed",
        on_change=lambda: _change(
            form,
            key,
            space_edit.with_scale(key, entry, st.session_state[widget], form.current(key)),
        ),
    )


def _show_problems(form: SpaceForm, key: Any) -> None:
    findings = check_entry(key, form.document, "")
    if key in SCHEMA:
        findings += check_launched(key, entries(form.document), form.cfg, form.overrides, "")
    for finding in findings:
        fixes = space_fixes.fixes_of(finding, key, form)
        space_fixes.show(finding, fixes, form.key("note", key, finding.code))


def _show_adding(form: SpaceForm) -> None:
    offered = [key for key in space_edit.searchable() if key not in entries(form.document)]
    widget = form.key("add")
    hold(widget, None)
    st.selectbox(
        tr("Add a setting"),
        offered,
        key=widget,
        index=None,
        placeholder=tr("Add a setting: type a part of its name"),
        format_func=lambda key: (
            f"{key} · {tr(GROUPS[SCHEMA[key].group])} · {tr_text(SCHEMA[key].help)}"
        ),
        label_visibility="collapsed",
        on_change=lambda: _add(form, st.session_state[widget]),
    )


def _add(form: SpaceForm, key: str | None) -> None:
    if key:
        form.on_change(space_edit.with_added(form.document, key, form.cfg))


def _change(form: SpaceForm, key: str, entry: Mapping[str, Any]) -> None:
    form.on_change(space_edit.with_entry(form.document, key, entry))


def _read(key: str, text: str) -> Any:
    """Turn what was typed into a value; what is none stays as typed, and its row says so."""
    from pipeline.core.cfg.train_cfg import parse_override  # shares the command line's reading
    from pipeline.core.errors import UsageError

    try:
        return parse_override(f"{key}={text}")[1]
    except UsageError:
        return text


def _help(key: str) -> Markdown:
    setting = SCHEMA[key]
    low = "−∞" if setting.low is None else f"{setting.low:g}"
    high = "∞" if setting.high is None else f"{setting.high:g}"
    is_number = setting.kind in ("int", "float")
    limits = tr(" Range {low} to {high}.", low=low, high=high) if is_number else Markdown()
    return Markdown(f"{plain(tr_text(setting.help))}.{limits}")
