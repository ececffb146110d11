"""Making, copying and deleting files of the volume, and bringing deleted ones back."""

from __future__ import annotations

from pathlib import PurePosixPath

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import marked, tr
from dashboard.widgets.findings import escape
from pipeline.core.editing import delete, duplicate, restore, save_text
from pipeline.core.errors import SlipwayError
from pipeline.core.history import list_versions
from pipeline.core.uploads import MAX_WEIGHTS_MB, SUFFIXES, keep_upload

_KINDS = {
    "cfg": marked("cfg: the common settings"),
    "cfg-all": marked("cfg: all settings"),
    "data": marked("data: a dataset"),
}
_NAMES = {"cfg": "cfg-new.yaml", "cfg-all": "cfg-new.yaml", "data": "data-new.yaml"}


def show_new() -> None:
    """Show what makes a new file from a template."""
    with st.popover(tr("New file"), icon=":material/add:", key="configs.new", width="stretch"):
        kind = st.selectbox(
            tr("Begin with"), list(_KINDS), format_func=lambda k: tr(_KINDS[k]), key="configs.kind"
        )
        name = st.text_input(tr("Name"), value=_new_name(kind), key=f"configs.name.{kind}")
        if st.button(tr("Create"), type="primary", key="configs.create"):
            _create(kind, name or "")


def show_upload() -> None:
    """Show what takes a file from the person's own machine."""
    with st.popover(tr("Upload"), icon=":material/upload:", key="configs.upload", width="stretch"):
        file = st.file_uploader(
            tr("Yaml, lists of images (txt) or weights (pt)"),
            type=[suffix.removeprefix(".") for suffix in SUFFIXES],
            max_upload_size=MAX_WEIGHTS_MB,
            key="configs.upload.file",
        )
        if file and st.button(tr("Put it on the volume"), key="configs.upload.keep"):
            try:
                volume, user = services.volume(), services.user()
                path = keep_upload(volume, file.name, file.getvalue(), user=user)
            except SlipwayError as reason:
                show_error(reason)
                return
            st.success(tr("It is {path} now.", path=escape(path)))


def show_deleted(paths: list[str]) -> None:
    """Show the files that were deleted, each one click from coming back."""
    if not paths:
        return
    with st.expander(tr("Deleted ({count})", count=len(paths)), type="compact"):
        for path in paths:
            label = tr("Bring back {path}", path=escape(path))
            icon = ":material/restore_from_trash:"
            if st.button(label, key=f"configs.back.{path}", type="tertiary", icon=icon):
                _bring_back(path)


def show_menu(path: str, text: str, sha256: str) -> None:
    """Show what else can be done with a file."""
    with st.popover(tr("More"), icon=":material/more_horiz:", key="configs.more"):
        copy = st.text_input(
            tr("Name of the copy"), value=_copy_name(path), key=f"configs.copy.{path}"
        )
        if st.button(tr("Duplicate"), icon=":material/content_copy:", key="configs.duplicate"):
            try:
                duplicate(services.volume(), path, copy or "", user=services.user())
            except SlipwayError as reason:
                show_error(reason)
            else:
                _open(copy or "")
        st.download_button(
            tr("Download"),
            text,
            file_name=PurePosixPath(path).name,
            mime="application/yaml",
            icon=":material/download:",
            key="configs.download",
            on_click="ignore",
        )
        if st.button(tr("Delete"), icon=":material/delete:", key="configs.delete"):
            try:
                delete(services.volume(), path, expected_sha256=sha256, user=services.user())
            except SlipwayError as reason:
                show_error(reason)
            else:
                st.toast(tr("{path} is deleted; its versions are kept.", path=escape(path)))
                _open("")


def _create(kind: str, name: str) -> None:
    from pipeline.core.templates import cfg_template, data_template  # when one is made only

    text = data_template() if kind == "data" else cfg_template(is_whole=kind == "cfg-all")
    try:
        save_text(services.volume(), name, text, expected_sha256="", user=services.user())
    except SlipwayError as reason:
        show_error(reason)
    else:
        _open(name)


def _new_name(kind: str) -> str:
    from pipeline.core.templates import folder_for

    folder = folder_for(services.volume(), "data" if kind == "data" else "cfg")
    return f"{folder}/{_NAMES[kind]}" if folder else _NAMES[kind]


def _copy_name(path: str) -> str:
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}-copy{pure.suffix}"))


def _bring_back(path: str) -> None:
    volume = services.volume()
    with_bytes = (v.number for v in list_versions(volume, path) if v.action != "deleted")
    try:
        restore(volume, path, next(with_bytes, 0), expected_sha256="", user=services.user())
    except SlipwayError as reason:
        show_error(reason)
        return
    _open(path)


def _open(path: str) -> None:
    state.set_url(state.FILE, path)
    st.rerun()
