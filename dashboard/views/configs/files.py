"""Making, copying and deleting files of the volume, and bringing deleted ones back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import marked, tr
from dashboard.widgets.forms.space import TITLES
from pipeline.core.checks.uploads import MAX_WEIGHTS_MB, SUFFIXES, keep_upload
from pipeline.core.errors import SlipwayError
from pipeline.core.versions.editing import delete, duplicate, open_text, restore, save_text
from pipeline.core.versions.history import list_versions

_KINDS = {
    "cfg": marked("cfg: the common settings"),
    "cfg-all": marked("cfg: all settings"),
    "data": marked("data: a dataset"),
    "tune": marked("tune: a search space"),
}
_NAMES = {
    "cfg": "cfg-new.yaml",
    "cfg-all": "cfg-new.yaml",
    "data": "data-new.yaml",
    "tune": "tune-new.yaml",
}


def show_new() -> None:
    """Show what makes a new file from a template."""
    with st.popover(tr("New file"), icon=":material/add:", key="configs.new", width="stretch"):
        kind = st.selectbox(
            tr("Begin with"), list(_KINDS), format_func=lambda k: tr(_KINDS[k]), key="configs.kind"
        )
        name = st.text_input(tr("Name"), value=_new_name(kind), key=f"configs.name.{kind}")
        preset = _ask_for_space() if kind == "tune" else {}
        if st.button(tr("Create"), type="primary", key="configs.create"):
            _create(kind, name or "", **preset)


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
                volume, user = services.here().volume, services.user()
                allow = services.here().settings.weights_allow
                data = file.getvalue()
                path = keep_upload(volume, file.name, data, user=user, weights_allow=allow)
            except SlipwayError as reason:
                show_error(reason)
                return
            st.success(tr("It is {path} now.", path=path))


def show_deleted(paths: list[str]) -> None:
    """Show the files that were deleted, each one click from coming back."""
    if not paths:
        return
    with st.expander(tr("Deleted ({count})", count=len(paths)), type="compact"):
        for path in paths:
            label = tr("Bring back {path}", path=path)
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
                duplicate(services.here().volume, path, copy or "", user=services.user())
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
                delete(services.here().volume, path, expected_sha256=sha256, user=services.user())
            except SlipwayError as reason:
                show_error(reason)
            else:
                st.toast(tr("{path} is deleted; its versions are kept.", path=path))
                _open("")


def _ask_for_space() -> dict[str, str]:
    """Ask what a new search space varies, and around which cfg's values."""
    from pipeline.core.space.presets import PRESETS

    preset = st.selectbox(
        tr("What to search"),
        list(PRESETS),
        format_func=lambda name: tr(TITLES[name]),
        key="configs.preset",
    )
    cfgs = services.choices("cfg")
    cfg = st.selectbox(
        tr("Around the values of"), cfgs, key="configs.around", placeholder=tr("no cfg yet")
    )
    return {"preset": preset, "cfg": cfg or ""}


def _create(kind: str, name: str, *, preset: str = "", cfg: str = "") -> None:
    from pipeline.core.versions.templates import (  # when one is made only
        cfg_template,
        data_template,
    )

    try:
        if kind == "tune":
            text = _space_text(preset, cfg)
        else:
            text = data_template() if kind == "data" else cfg_template(is_whole=kind == "cfg-all")
        save_text(services.here().volume, name, text, expected_sha256="", user=services.user())
    except SlipwayError as reason:
        show_error(reason)
    else:
        _open(name)


def _space_text(preset: str, cfg: str) -> str:
    from pipeline.core.space.edit import with_preset
    from pipeline.core.space.presets import default_space
    from pipeline.core.space.text import file_text

    values = cfg_values(cfg)
    return file_text(with_preset(default_space(values).document(), preset, values))


def cfg_values(name: str) -> dict[str, Any]:
    """Give what a cfg of the volume sets, over Ultralytics' defaults; those alone without a name.

    Raises
    ------
    SlipwayError
        The cfg cannot be read.
    """
    from pipeline.core.cfg.train_cfg import effective_cfg

    volume = services.here().volume
    return effective_cfg(open_text(volume, volume.resolve("cfg", name).path)[0] if name else "", {})


def _new_name(kind: str) -> str:
    from pipeline.core.versions.templates import folder_for

    folder = folder_for(services.here().volume, "data" if kind == "data" else "cfg")
    return f"{folder}/{_NAMES[kind]}" if folder else _NAMES[kind]


def _copy_name(path: str) -> str:
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}-copy{pure.suffix}"))


def _bring_back(path: str) -> None:
    volume = services.here().volume
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
