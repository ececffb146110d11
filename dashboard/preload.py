"""Loading, before anybody waits for it, what a click on Launch and the list of runs need."""

from __future__ import annotations

import gc
import logging
import time
from importlib import import_module

from streamlit import runtime

from pipeline.actions.launching import launches
from pipeline.core.errors import SlipwayError
from pipeline.core.imports import IMPORTING
from pipeline.core.settings import load_settings

_POLL_S = 0.05
_log = logging.getLogger("slipway.dashboard")


def preload() -> None:
    """Load the pages and the compiler once the server answers, in a visitor's order.

    kfp and what the run's page draws with take three seconds of one core.
    """
    while not runtime.exists():
        time.sleep(_POLL_S)
    import_module("dashboard.views.launch.page")
    # not before the runtime is there: Streamlit warns of caches that are made without one
    from dashboard import services

    try:
        launches.workflow_of(load_settings())
        services.here().folders.all()
    except SlipwayError as reason:  # the pages show it where it matters
        _log.info("preload: %s", reason)
    import_module("dashboard.views.run.page")
    with IMPORTING:
        import_module("mlflow")
    from pipeline.actions.runs.entries import list_entries

    try:
        list_entries(services.here())
    except SlipwayError as reason:
        _log.info("preload: %s", reason)
    # Streamlit collects garbage after each run of a page, before the browser hears of its end. What
    # was loaded is there for good: looking through it took longer than most pages, and 90 ms for
    # ten thousand runs.
    gc.collect()
    gc.freeze()
