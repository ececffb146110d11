"""Configs: the yaml files of the volume, edited as text and checked while they are."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import services, state
from dashboard.drafts import Draft, drop_draft, keep_draft, load_draft
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.widgets.findings import escape, show_findings, summary
from pipeline.core.editing import open_text, save_text
from pipeline.core.errors import FileChanged, SlipwayError
from pipeline.core.file_check import check_file
from pipeline.core.findings import has_errors
from pipeline.core.volume import FOLDERS

_EDITOR_HEIGHT = 440
_NOTICE = "configs.notice"


def render() -> None:
    """Show the files and the editor of the one that the URL names."""
    folders = yaml_files(services.volume().root)
    if not any(folders.values()):
        _show_empty()
        return
    files, editor = st.columns([1, 3.2], gap="medium")
    path = state.url_text(state.FILE)
    with files.container(height=_EDITOR_HEIGHT + 120, border=True):
        _show_files(folders, path)
    with editor:
        if path:
            _show_editor(path)
        else:
            st.markdown(tr("**Choose a file**"))
            st.caption(tr("Cfg, data, model and tune yaml of the volume can be edited here."))


def yaml_files(root: Path) -> dict[str, list[str]]:
    """Give the yaml files of the volume by folder, relative to it; the root is ``""``."""
    found: dict[str, list[str]] = {}
    for folder in ("", *sorted(set(FOLDERS.values()))):
        place = root / folder
        entries = sorted(place.iterdir()) if place.is_dir() else []
        found[folder] = [
            entry.relative_to(root).as_posix()
            for entry in entries
            if entry.suffix in (".yaml", ".yml") and entry.name[0] != "." and entry.is_file()
        ]
    return found


def _show_files(folders: dict[str, list[str]], chosen: str) -> None:
    for folder, paths in folders.items():
        if not paths:
            continue
        st.caption(f"{folder or 'volume'}/")
        for path in paths:
            name = escape(Path(path).name)
            label = f":primary[**{name}**]" if path == chosen else name
            icon = ":material/edit_note:" if path == chosen else ":material/description:"
            if st.button(label, key=f"configs.open.{path}", type="tertiary", icon=icon):
                state.set_url(state.FILE, path)
                st.rerun()


def _show_editor(path: str) -> None:
    volume, where = services.volume(), _place()
    text_on_disk, sha256 = open_text(volume, path)
    draft = load_draft(*where, path)
    base = draft.base_sha256 if draft else sha256
    key = f"configs.text.{path}"
    if key not in st.session_state:
        st.session_state[key] = draft.text if draft else text_on_disk
    elif draft is None and st.session_state.get(f"{key}.sha256") != sha256:
        st.session_state[key] = text_on_disk  # nothing typed: show what is there now
    st.session_state[f"{key}.sha256"] = sha256
    head, buttons = st.columns([2, 1], vertical_alignment="center")
    text = st.container(key="configs-editor").text_area(
        path,
        key=key,
        height=_EDITOR_HEIGHT,
        label_visibility="collapsed",
        on_change=_typed,
        args=(path, key, base),
    )
    is_changed = text != text_on_disk
    with head:
        _show_head(path, is_changed)
    with buttons.container(horizontal=True, horizontal_alignment="right"):
        if is_changed and st.button(tr("Discard"), icon=":material/undo:", key="configs.discard"):
            _forget(path, key)
        if st.button(
            tr("Save"),
            type="primary",
            icon=":material/save:",
            disabled=not is_changed,
            key="configs.save",
        ):
            _save(path, key, text or "", base)
    if is_changed and base != sha256:
        _show_conflict(path, key, text or "", text_on_disk, sha256)
    _show_checks(path, text or "")


def _show_head(path: str, is_changed: bool) -> None:
    note = st.session_state.pop(_NOTICE, "")
    state_word = (
        tr(":orange[not saved]") if is_changed else f":green[{note}]" if note else ":gray[saved]"
    )
    st.markdown(f"**{escape(path)}** · {state_word}")


def _show_checks(path: str, text: str) -> None:
    findings = check_file(services.volume(), path, text)
    if not findings:
        st.markdown(tr(":green[:material/check_circle:] No problems found."))
        return
    mark = ":red[:material/error:]" if has_errors(findings) else ":orange[:material/info:]"
    st.markdown(
        tr(
            "{mark} **{summary}** :gray[a file with problems can be saved too]",
            mark=mark,
            summary=summary(findings),
        )
    )
    show_findings(findings)


def _show_conflict(path: str, key: str, text: str, text_on_disk: str, sha256: str) -> None:
    from pipeline.core.train_cfg import diff_text

    st.warning(
        tr(
            "**{path} was changed by somebody else while you were editing.**  \n"
            "Nothing is overwritten and your text is kept. Compare, then choose.",
            path=escape(path),
        ),
        icon=":material/sync_problem:",
    )
    diff = diff_text(text_on_disk, text, path, tr("{path} (your text)", path=path))
    st.code(diff, language="diff")
    with st.container(horizontal=True):
        if st.button(tr("Take theirs, drop my text"), key="configs.theirs"):
            _forget(path, key)
        if st.button(tr("Save mine over it"), key="configs.mine"):
            _save(path, key, text, sha256)


def _typed(path: str, key: str, base: str) -> None:
    keep_draft(*_place(), path, Draft(st.session_state[key], base))


def _save(path: str, key: str, text: str, expected_sha256: str) -> None:
    try:
        saved = save_text(
            services.volume(), path, text, expected_sha256=expected_sha256, user=services.user()
        ).sha256
    except FileChanged:
        st.rerun()  # shows the conflict: the draft is kept and says what it started from
    except SlipwayError as reason:
        show_error(reason)
        return
    drop_draft(*_place(), path)
    st.session_state[f"{key}.sha256"] = saved
    st.session_state[_NOTICE] = tr("saved just now")
    st.rerun()


def _forget(path: str, key: str) -> None:
    drop_draft(*_place(), path)
    del st.session_state[key]
    st.rerun()


def _place() -> tuple[Path, str]:
    return services.settings().state, services.user()


def _show_empty() -> None:
    root = services.settings().volume
    with st.container(border=True):
        st.markdown(tr("**No yaml files on the volume yet**"))
        st.markdown(
            tr(
                "Cfg, data, model and tune yaml in `{root}`, or in its folders {folders}, appear "
                "here.",
                root=root,
                folders=", ".join(f"`{name}/`" for name in sorted(set(FOLDERS.values()))),
            )
        )
        st.code(f"python -m pipeline sample '{root}'", language="bash")
