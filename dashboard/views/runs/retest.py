"""The dialog that measures a run's weights again."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.findings import show_findings
from pipeline.actions.launching.launches import submit
from pipeline.actions.launching.retest import SPLITS, retest
from pipeline.actions.runs.model import RunFacts
from pipeline.core.errors import SlipwayError


def show_retest(run: RunFacts, close: Callable[[], None]) -> None:
    """Ask for the data and the split, and launch a run that only tests; `close` is called then."""
    st.caption(tr("A new run measures the weights; this one stays as it is."))
    offered = services.choices("data")
    if run.data not in offered:  # it has gone meanwhile; the findings will say so
        offered = [run.data, *offered]
    data = st.selectbox(tr("Data"), offered, index=offered.index(run.data), key="retest_data")
    split = one_of(tr("Split"), {name: plain(name) for name in SPLITS}, "retest_split")
    if not st.button(tr("Test"), icon=":material/rule:", type="primary", key="retest_now"):
        return
    here = services.as_user()
    try:
        plan = retest(here, run.id, str(data), split)
        if not plan.ok:
            show_findings(plan.findings)
            return
        launched = submit(here, plan)
    except SlipwayError as reason:
        show_error(reason)
        return
    close()
    state.open_run(launched.launch)
