"""The preview of a launch: graph, cfg diff, workflow and command line, before anything starts."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import services
from dashboard.errors import guarded
from dashboard.i18n import tr
from dashboard.theme import colours
from dashboard.views.launch.held import Held
from dashboard.views.launch.plan import here_on
from dashboard.widgets.runs.step_graph import step_graph
from pipeline.actions.launching import launches
from pipeline.actions.launching.launches import Plan
from pipeline.core.launch.kinds.registry import kind_of

_WORKFLOW = Held[dict[str, Any]]("launch.workflow")


def show(plan: Plan) -> None:
    """Show what `submit` would send, in four forms, in a dialog."""
    st.dialog(tr("What will be launched"), width="large")(guarded(_forms))(plan)


def _forms(plan: Plan) -> None:
    workflow = _WORKFLOW.current((plan.launch,), lambda: _compiled(plan))
    engine = plan.launch.engine
    text = services.here().engine(engine).render(workflow)
    choices = plan.launch.choices
    graph, diff, document, command = st.tabs(
        [tr("Graph"), tr("Cfg diff"), tr("Workflow YAML"), tr("Command line")]
    )
    with graph:
        off = kind_of(choices).off(choices)
        st.graphviz_chart(step_graph(workflow, off, colours()), width="stretch")
    with diff:
        if plan.cfg_diff:
            st.code(plan.cfg_diff, language="diff")
        else:
            st.caption(tr("The cfg is used as it is."))
        with st.expander(tr("The whole cfg of this launch"), type="compact"):
            st.code(plan.cfg_after, language="yaml", height=360)
    with document:
        st.download_button(
            tr("Download"),
            text,
            file_name=f"{plan.launch.id}.yaml",
            mime="application/yaml",
            icon=":material/download:",
            on_click="ignore",
        )
        st.code(text, language="yaml", height=420)
    with command:
        st.caption(tr("The same launch from a terminal, from the repository's root:"))
        named = "" if engine == services.here().settings.engine else engine
        st.code(launches.command_line(choices, named), language="bash", wrap_lines=True)


def _compiled(plan: Plan) -> dict[str, Any]:
    with st.spinner(tr("Compiling the workflow")):
        return launches.workflow_of(here_on(plan.launch.engine).settings, plan.launch)
