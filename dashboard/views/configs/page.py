"""Configs: the yaml files of the volume, edited as text or by a form, with every version kept."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import services, state
from dashboard.i18n import tr
from dashboard.plain import code, joined, plain
from dashboard.views.configs import editor as configs_editor
from dashboard.views.configs import files as configs_files
from dashboard.views.configs import side as configs_side
from dashboard.widgets.formats import plural
from dashboard.widgets.forms.yaml_editor import EDITOR_HEIGHT
from pipeline.actions.runs.file_uses import Uses, runs_by_digest, runs_of_file
from pipeline.core.errors import SlipwayError
from pipeline.core.versions.editing import digest_now
from pipeline.core.versions.history import deleted_files, list_versions
from pipeline.core.volume.paths import FOLDERS, PRESETS

_SHORT_LIST = 9  # files that fit beside the editor
_FOLDERS = (*sorted(set(FOLDERS.values())), PRESETS)


def render() -> None:
    """Show the files, the editor of the one that the URL names, and what is beside it."""
    volume = services.here().volume
    folders = yaml_files(volume.root)
    if not any(folders.values()):
        _show_empty()
        return
    uses = runs_by_digest(services.here())
    files, editor, side = st.columns([1.1, 2.3, 1.5], gap="medium")
    path = state.url_text(state.FILE)
    with files:
        configs_files.show_new()
        configs_files.show_upload()
        is_long = sum(map(len, folders.values())) > _SHORT_LIST
        with st.container(
            height=EDITOR_HEIGHT + 100 if is_long else "content", border=True, gap=None
        ):
            _show_files(folders, path, uses)
            configs_files.show_deleted(deleted_files(volume))
    if not path:
        editor.markdown(tr("**Choose a file**"))
        editor.caption(tr("Cfg, data, model and tune yaml of the volume can be edited here."))
        return
    with editor:
        opened = configs_editor.show(path)
    with side:
        configs_side.show(opened, uses)


def yaml_files(root: Path) -> dict[str, list[str]]:
    """Give the yaml files of the volume by folder, relative to it; the root is ``""``."""
    found: dict[str, list[str]] = {}
    for folder in ("", *_FOLDERS):
        place = root / folder
        entries = sorted(place.iterdir()) if place.is_dir() else []
        found[folder] = [
            entry.relative_to(root).as_posix()
            for entry in entries
            if entry.suffix in (".yaml", ".yml") and entry.name[0] != "." and entry.is_file()
        ]
    return found


def _show_files(folders: dict[str, list[str]], chosen: str, uses: Uses) -> None:
    for folder, paths in folders.items():
        if not paths:
            continue
        st.caption(plain(f"{folder or 'volume'}/"))
        for path in paths:
            name = plain(Path(path).name)
            label = f":blue[**{name}**]" if path == chosen else name
            if runs := _runs(path, uses):
                label = f"{label} :small[:gray[{plural(runs, 'run')}]]"
            icon = ":material/edit_note:" if path == chosen else ":material/description:"
            if st.button(label, key=f"configs.open.{path}", type="tertiary", icon=icon):
                state.set_url(state.FILE, path)
                st.rerun()


def _runs(path: str, uses: Uses) -> int:
    """Count the runs that used a file; one that cannot be read says why when it is opened."""
    volume = services.here().volume
    try:
        return len(runs_of_file(uses, list_versions(volume, path), digest_now(volume, path)))
    except SlipwayError:
        return 0


def _show_empty() -> None:
    root = services.here().settings.volume
    configs_files.show_new()
    configs_files.show_upload()
    configs_files.show_deleted(deleted_files(services.here().volume))
    with st.container(border=True):
        st.markdown(tr("**No yaml files on the volume yet**"))
        st.markdown(
            tr(
                "Cfg, data, model and tune yaml in {root}, or in its folders {folders}, appear "
                "here.",
                root=code(str(root)),
                folders=joined(", ", [code(f"{name}/") for name in sorted(set(FOLDERS.values()))]),
            )
        )
        st.code(f"slipway sample '{root}'", language="bash")
