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


def test_in_a_narrow_window_the_fields_of_a_range_stand_below_their_titles(
    page: "Page", dashboard: "Dashboard"
) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{dashboard.url}/configs?file=tune-custom.yaml")
    rows = page.locator('[class*="st-key-space-rows-"]')
    for title in ("lowest", "highest"):
        head, field = rows.get_by_text(title, exact=True), rows.get_by_label(f"lr0 {title}")
        expect(head).to_be_visible()
        above, below = head.bounding_box(), field.bounding_box()
        assert above and below
        assert abs(above["x"] - below["x"]) < 20 and above["y"] < below["y"]
    expect(rows.get_by_text("drawn", exact=True)).to_be_visible()
