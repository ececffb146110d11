"""Opening pages without a browser, and reading what stands on them."""

from __future__ import annotations

import json
from collections.abc import Callable

from streamlit.testing.v1 import AppTest


def open_page(script: Callable[[], None], *, tab: str = "", **query: str | list[str]) -> AppTest:
    """Open what a script draws, with a tab chosen and with an address's parameters."""
    page = AppTest.from_function(script, default_timeout=60)
    if tab:
        page.session_state["form.tab"] = tab
    return _drawn(page, query)


def open_app(**query: str | list[str]) -> AppTest:
    """Open the dashboard at its first page."""
    page = _drawn(AppTest.from_file("dashboard/app.py", default_timeout=60), query)
    return page.run()  # the first paint has the pickers only


def _drawn(page: AppTest, query: dict[str, str | list[str]]) -> AppTest:
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def click(page: AppTest, key: str) -> AppTest:
    """Press a button."""
    page.button(key=key).click().run()
    assert not page.exception
    return page


def click_point(page: AppTest, number: int, **point: float) -> AppTest:
    """Click a point of a chart, of which the page's first has number 0."""
    states = page._tree.get_widget_states()  # charts cannot be clicked otherwise
    chart = page.get("plotly_chart")[number].proto.id
    clicked = {"points": [point], "point_indices": [0], "box": [], "lasso": []}
    states.widgets.add(id=chart, string_value=json.dumps({"selection": clicked}))
    page._run(states)
    assert not page.exception
    return page


def text_of(page: AppTest) -> str:
    """Give all texts, sorted by what they are."""
    parts = [*page.subheader, *page.markdown, *page.caption, *page.code]
    messages = [*page.error, *page.warning, *page.info, *page.success]
    return "\n".join(str(part.value) for part in [*parts, *messages])
