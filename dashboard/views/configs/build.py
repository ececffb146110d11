"""Whether the model yaml in the editor builds: asks for a run that tries, shows what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import tr, tr_said
from dashboard.views.configs.editor import Opened
from dashboard.widgets.findings import show_findings
from dashboard.widgets.forms.yaml_editor import jump_to
from dashboard.widgets.runs.built import built_text
from dashboard.widgets.states import state_text
from pipeline.actions.launching.builds import Build, newest_build, plan_build
from pipeline.actions.launching.launches import submit
from pipeline.core.errors import SlipwayError
from pipeline.core.states import State
from pipeline.core.volume.paths import scaled_name
from pipeline.core.yamltext.file import YamlFile

REFRESH_S = 1.0
_LARGEST_PX = 8192


def show_build(opened: Opened, document: YamlFile, launches: Sequence[str]) -> None:
    """Show the button, and the newest answer for this content, scale and image size.

    Parameters
    ----------
    launches
        Those that used the file as it is on the volume, newest first.
    """
    names = _names(opened.path, document)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = opened.path
        if names:
            key = f"configs.scale.{opened.path}"
            scale = st.selectbox(tr("Scale"), list(names), key=key, width=80)
            name = names[scale]
        imgsz = st.number_input(
            tr("Image size, px"),
            32,
            _LARGEST_PX,
            640,
            step=32,
            key=f"configs.imgsz.{opened.path}",
            width=140,
        )
        is_asked = st.button(
            tr("Does it build?"),
            icon=":material/build:",
            disabled=opened.is_changed,
            key="configs.build",
            help=tr("A run of seconds builds the model and passes one image through"),
        )
    if opened.is_changed:
        st.caption(tr("Save first: what is on the volume is built."))
        return
    if is_asked:
        _ask(name, imgsz)
    found = newest_build(services.here(), launches, name, imgsz)
    if found is None:
        return
    if found.state.is_finished:
        _show_answer(found)
    else:
        _watch(found, launches)


def _names(path: str, document: YamlFile) -> dict[str, str]:
    """Give the name under which each scale is chosen; nothing when a name cannot say a scale."""
    scales, pure = document.data.get("scales"), PurePosixPath(path)
    if not isinstance(scales, dict) or scaled_name(pure.name, "n") == pure.name:
        return {}
    return {str(scale): str(pure.with_name(scaled_name(pure.name, str(scale)))) for scale in scales}


def _ask(name: str, imgsz: int) -> None:
    here = services.as_user()
    try:
        plan = plan_build(here, name, imgsz)
        if not plan.ok:
            show_findings(plan.findings)
            return
        submit(here, plan)
    except SlipwayError as reason:
        show_error(reason)
        return
    st.rerun()


def _watch(drawn: Build, launches: Sequence[str]) -> None:
    """Say how far the run is; draw the page again when it is over."""

    @st.fragment(run_every=REFRESH_S)
    @guarded
    def watch() -> None:
        found = newest_build(services.here(), launches, drawn.model, drawn.imgsz)
        if found is None or found.state.is_finished:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(state_text(found.state))
            _open_run(found)

    watch()


def _show_answer(found: Build) -> None:
    if found.result:
        st.markdown(tr(":green[:material/check_circle:] **It builds**"))
        st.markdown(f":small[{built_text(found.result)}]")
    elif found.state == State.UNKNOWN:
        st.warning(tr_said(found.failure), icon=":material/help:")
    else:
        st.error(tr_said(found.failure) or state_text(found.state), icon=":material/error:")
    with st.container(horizontal=True):
        if line := re.search(r":(\d+)$", found.where):
            st.button(
                tr("Go to line {line}", line=line[1]),
                key="configs.build.line",
                type="tertiary",
                on_click=jump_to,
                args=(int(line[1]),),
            )
        _open_run(found)


def _open_run(found: Build) -> None:
    icon = ":material/open_in_full:"
    if st.button(tr("Open its run"), icon=icon, type="tertiary", key="configs.build.run"):
        state.open_run(found.launch)
