"""Whatever a URL says, no element is given Markdown of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

HOSTILE = (
    "[in](http://evil.example) ![b](http://evil.example/x) :red[x] $x$ www.evil.example\n\n# h"
)
# Brackets of links, letters of addresses and the start of a heading, not kept apart or escaped.
LIVE = re.compile(r"(?<!\\)\]\(http|https?:(?=//evil)|www(?=\.evil)|:red\[x|(?<!\\)\$x|^# h", re.M)
PAGES = {
    "launch": ("clone", "set", "model", "cfg", "data"),
    "run": ("run",),
    "sweep": ("tag",),
    "compare": ("runs",),
    "configs": ("file",),
    "datasets": ("data", "image", "part"),
    "runs": ("runs_filter", "runs_state", "runs_page", "columns"),
    "models": ("models_filter",),
}
RENDERED = ("markdown", "caption", "error", "warning", "info", "success", "subheader", "title")


def show(name: str) -> None:
    from importlib import import_module

    from dashboard.errors import guarded

    guarded(import_module(f"dashboard.views.{name}.page").render)()


@pytest.mark.parametrize(
    ("view", "parameter"), [(view, name) for view, names in PAGES.items() for name in names]
)
def test_no_parameter_is_rendered(installation: Path, view: str, parameter: str) -> None:
    page = AppTest.from_function(show, args=(view,), default_timeout=60)
    page.query_params[parameter] = f"{HOSTILE}=1" if parameter == "set" else HOSTILE
    page.session_state["launch.painted"] = True  # the rest of the page, too
    page.run()
    assert not page.exception
    bodies = [element.value for kind in RENDERED for element in page.get(kind)]
    labels = [element.label for kind in ("button", "expander", "tab") for element in page.get(kind)]
    assert bodies or labels
    assert not [text for text in (*bodies, *labels) if LIVE.search(text)]
