"""The pages: one list for the navigation bar and for going from page to page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import streamlit as st

from dashboard.errors import guarded
from dashboard.i18n import marked, tr
from dashboard.plain import Markdown


@dataclass(frozen=True)
class View:
    """One page.

    Parameters
    ----------
    name
        Folder under ``dashboard.views`` whose ``page.py`` has `render()`; also the path in the URL.
    title, icon
        As shown in the navigation bar.
    is_hidden
        Reached by links only.
    """

    name: str
    title: str
    icon: str
    is_hidden: bool = False


VIEWS = (
    View("launch", marked("Launch"), ":material/rocket_launch:"),
    View("runs", marked("Runs"), ":material/list:"),
    View("run", marked("Run"), ":material/list:", is_hidden=True),
    View("sweep", marked("Sweep"), ":material/grid_view:", is_hidden=True),
    View("compare", marked("Compare"), ":material/compare_arrows:"),
    View("datasets", marked("Datasets"), ":material/dataset:"),
    View("configs", marked("Configs"), ":material/edit_note:"),
    View("models", marked("Models"), ":material/deployed_code:"),
    View("system", marked("System"), ":material/monitor_heart:"),
)


def pages() -> list[Any]:
    """Give the pages for `st.navigation`; the first is the default."""
    return [_page(view) for view in VIEWS]


def has(name: str) -> bool:
    """Say whether there is a page of this name."""
    return any(view.name == name for view in VIEWS)


def go(name: str, query: Mapping[str, Any] | None = None) -> None:
    """Go to a page with these URL parameters; does not return."""
    view = next(view for view in VIEWS if view.name == name)
    st.switch_page(_page(view), query_params=dict(query or {}))


def link(name: str, query: Mapping[str, Any], label: Markdown) -> None:
    """Show a link to a page with these URL parameters."""
    view = next(view for view in VIEWS if view.name == name)
    st.page_link(_page(view), label=label, query_params=dict(query), width="stretch")


def _page(view: View) -> Any:
    return st.Page(
        _renderer(view.name),
        title=tr(view.title),
        icon=view.icon,
        url_path=view.name,
        default=view is VIEWS[0],
        visibility="hidden" if view.is_hidden else "visible",
    )


def _renderer(name: str) -> Callable[[], None]:
    def render() -> None:
        import_module(
            f"dashboard.views.{name}.page"
        ).render()  # a page pays for its own imports only

    return guarded(render)
