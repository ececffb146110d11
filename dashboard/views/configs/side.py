"""Beside the editor: the form of the file, what is not saved yet, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import marked, tr, tr_text
from dashboard.plain import plain
from dashboard.views.configs.build import show_build
from dashboard.views.configs.editor import Opened, change_text
from dashboard.views.configs.space import show_space
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import ago, plural
from dashboard.widgets.forms.cfg import cfg_form
from pipeline.actions.runs.file_uses import Uses
from pipeline.core.cfg.merge import diff_text
from pipeline.core.checks.file import kind_of_text
from pipeline.core.dataset.files.folders import dataset_roots, split_places
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.versions.editing import restore
from pipeline.core.versions.history import Version, diff_versions, list_versions
from pipeline.core.yamltext.edit import set_names, set_values
from pipeline.core.yamltext.file import YamlFile, parse_yaml
from pipeline.core.yamltext.mapping import set_document

_VIEWS = {"form": marked("Form"), "changes": marked("Changes"), "history": marked("History")}
_ACTIONS = {
    "found": marked("found"),
    "saved": marked("saved"),
    "restored": marked("restored"),
    "deleted": marked("deleted"),
}
_SHOWN = 50
_REFUSED = "configs.refused"


def show(opened: Opened, uses: Uses) -> None:
    """Show the pane that is chosen."""
    views = {name: tr(text) for name, text in _VIEWS.items()}
    view = one_of(tr("Beside the text"), views, "configs.side", has_label=False)
    if view == "history":
        _show_history(opened, uses)
    elif view == "changes":
        _show_changes(opened)
    else:
        _show_form(opened, uses)


def _show_changes(opened: Opened) -> None:
    unsaved = tr_text("{path} (your text)", path=opened.path)
    diff = diff_text(opened.text_on_disk, opened.text, opened.path, unsaved)
    if diff:
        st.code(diff, language="diff")
    else:
        st.caption(tr("Nothing is typed that is not saved."))


def _show_form(opened: Opened, uses: Uses) -> None:
    if refused := st.session_state.pop(_REFUSED, None):
        show_error(refused)
    try:
        document = parse_yaml(opened.text, name=opened.path)
    except InputError:
        st.caption(tr("The form comes back when the text can be read; the problems say where."))
        return
    kind = kind_of_text(document)
    if kind == "cfg":
        _show_cfg(opened)
    elif kind == "data":
        _show_classes(opened, document)
    elif kind == "model":
        show_build(opened, document, uses.get(opened.sha256, ()))
        _show_model(document)
    else:
        show_space(opened.path, document.data, lambda after: _become(opened, after))


def _show_cfg(opened: Opened) -> None:
    from pipeline.core.cfg.schema import SCHEMA
    from pipeline.core.cfg.train_cfg import effective_cfg

    base = effective_cfg(opened.text, {})
    with st.container(height=520, border=False):
        cfg_form(
            SCHEMA,
            base,
            {},
            scope=f"configs.{opened.path}",
            on_change=lambda key, value: _change(opened, {key: value}),
        )


def _show_classes(opened: Opened, document: YamlFile) -> None:
    names = _names(document)
    key = f"configs.names.{opened.path}"
    st.session_state[key] = "\n".join(names)
    st.text_area(
        tr("Classes, one a line; the first has id 0"),
        key=key,
        height=260,
        on_change=lambda: _rename(opened, st.session_state[key]),
        help=tr("Rename a class in its line, add one at the end."),
    )
    before = _names_of(opened.text_on_disk, opened.path)
    moved = [name for name in before if name in names and before.index(name) != names.index(name)]
    if len(names) < len(before) or moved:
        st.warning(
            tr(
                "**Class ids shift.** {before} before, {now} now; label files keep their numbers, "
                "so that they would name other classes.",
                before=plural(len(before), "class", "classes"),
                now=plural(len(names), "class", "classes"),
            ),
            icon=":material/warning:",
        )
    roots, splits = dataset_roots(services.here().volume), _splits(document.data.get("path"))
    for name in ("path", "train", "val", "test"):
        value = document.data.get(name)
        if value is None or isinstance(value, str):
            _path_field(opened, name, value or "", roots if name == "path" else splits)


def _path_field(opened: Opened, name: str, value: str, choices: Sequence[str]) -> None:
    key = f"configs.place.{opened.path}.{name}"
    st.session_state[key] = value or None
    st.selectbox(
        plain(name),
        list(dict.fromkeys([*([value] if value else []), *choices])),
        key=key,
        placeholder=tr("choose or type"),
        accept_new_options=True,
        on_change=lambda: _change(opened, {name: st.session_state[key]}),
    )


def _splits(path: Any) -> list[str]:
    try:
        return split_places(services.here().volume, str(path or "."))
    except InputError:  # the problems say that the path leaves the volume
        return []


def _show_model(document: YamlFile) -> None:
    scales = document.data.get("scales")
    if isinstance(scales, dict):
        rows = [
            {tr("scale"): str(k), tr("depth, width, channels"): str(v)} for k, v in scales.items()
        ]
        st.dataframe(rows, hide_index=True)
    layers: list[dict[str, Any]] = []
    for part in ("backbone", "head"):
        found = document.data.get(part)
        for row in found if isinstance(found, list) else []:
            cells = [str(cell) for cell in row] if isinstance(row, list) else [str(row)]
            cells = (cells + [""] * 4)[:4]
            titles = (tr("from"), tr("repeats"), tr("module"), tr("arguments"))
            layers.append({"#": len(layers), **dict(zip(titles, cells, strict=True))})
    if layers:
        st.dataframe(layers, hide_index=True, height=380)


def _show_history(opened: Opened, uses: Uses) -> None:
    versions = list_versions(services.here().volume, opened.path)
    now_runs = uses.get(opened.sha256, ())
    if not versions:
        st.caption(tr("No versions yet: the first save keeps the file as it is now, too."))
        _show_runs(now_runs)
        return
    numbers = [version.number for version in versions[:_SHOWN]]
    by_number = {version.number: version for version in versions}
    chosen = st.selectbox(
        tr("Version"),
        numbers,
        format_func=lambda number: _label(by_number[number]),
        key=f"configs.version.{opened.path}",
    )
    if chosen is None:
        return
    version = by_number[chosen]
    _show_runs(uses.get(version.sha256, ()))
    if version.sha256 == opened.sha256:
        st.caption(tr("This is what is on the volume now."))
        if before := next((number for number in by_number if number < chosen), 0):
            diff = diff_versions(services.here().volume, opened.path, before, chosen)
            st.code(diff or tr("No difference."), language="diff")
        return
    st.code(diff_versions(services.here().volume, opened.path, chosen), language="diff")
    is_off = version.action == "deleted" or opened.is_changed
    label = tr("Restore version {number}", number=chosen)
    icon = ":material/history:"
    if st.button(label, icon=icon, disabled=is_off, key="configs.restore"):
        _restore(opened, chosen)
    if opened.is_changed:
        st.caption(tr("Save or discard what you typed before you restore a version."))


def _label(version: Version) -> str:
    parts = [tr(_ACTIONS[version.action]), version.user, ago(version.at), version.message]
    return f"{version.number} · " + " · ".join(part for part in parts if part)


def _show_runs(runs: tuple[str, ...]) -> None:
    if not runs:
        st.caption(tr("No run used this version."))
        return
    st.caption(tr("Used by {runs}:", runs=plural(len(runs), "run")))
    for run in runs[:10]:
        if st.button(plain(run), key=f"configs.run.{run}", type="tertiary"):
            state.open_run(run)


def _restore(opened: Opened, number: int) -> None:
    try:
        restore(
            services.here().volume,
            opened.path,
            number,
            expected_sha256=opened.sha256,
            user=services.user(),
        )
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _change(opened: Opened, values: dict[str, Any]) -> None:
    try:
        change_text(opened, set_values(opened.text, values))
    except SlipwayError as reason:
        st.session_state[_REFUSED] = reason


def _become(opened: Opened, after: dict[str, Any]) -> None:
    try:
        change_text(opened, set_document(opened.text, after))
    except SlipwayError as reason:
        st.session_state[_REFUSED] = reason


def _rename(opened: Opened, text: str | None) -> None:
    names = [line.strip() for line in (text or "").splitlines() if line.strip()]
    try:
        change_text(opened, set_names(opened.text, names))
    except SlipwayError as reason:
        st.session_state[_REFUSED] = reason


def _names_of(text: str, path: str) -> list[str]:
    try:
        return _names(parse_yaml(text, name=path))
    except InputError:
        return []


def _names(document: YamlFile) -> list[str]:
    given = document.data.get("names")
    values = given.values() if isinstance(given, dict) else given
    return [str(value) for value in values] if values and not isinstance(values, str) else []
