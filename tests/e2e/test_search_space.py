import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Dashboard
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e


def test_a_search_that_is_changed_outlives_a_reload_and_a_look_at_another_page(
    page: "Page", dashboard: "Dashboard"
) -> None:
    page.goto(dashboard.url)
    page.get_by_text("Tune after training").click()
    low = page.get_by_label("lr0 lowest")
    expect(low).to_have_value("0.001")
    low.fill("0.004")
    low.press("Tab")
    remark = page.get_by_text("the current value of 'lr0', 0.003, is not in the searched range.")
    expect(remark).to_have_count(2)  # beside the button and below the row
    expect(page.get_by_label("Search space")).to_have_value("changed for this launch")

    page.reload()
    expect(low).to_have_value("0.004")
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("link", name="Launch").click()
    expect(low).to_have_value("0.004")

    page.get_by_role("button", name="Widen").click()
    expect(low).to_have_value("0.003")
    expect(remark).to_have_count(0)
    page.get_by_text("Tune after training").click()
    expect(low).to_have_count(0)
    assert re.search(r"tune_space=", page.url)
