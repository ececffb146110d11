import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Dashboard
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e
RUNS_MS = 120_000
FORM = "model=yolov8n-scratch.yaml&cfg=cfg-custom&data=data-custom&train=false"


def test_a_sweep_from_the_form_to_one_of_its_runs(page: "Page", dashboard: "Dashboard") -> None:
    page.goto(f"{dashboard.url}/?{FORM}&sweep=true&sweep_name=night&seeds=0,1")
    page.get_by_role("button", name="Launch 2 runs").click()
    page.wait_for_url(re.compile(r"/sweep\?tag=night"))
    expect(page.get_by_text("2 done")).to_be_visible(timeout=RUNS_MS)
    expect(page.get_by_role("button", name="Stop all")).to_have_count(0)
    table = page.locator("[data-testid=stDataFrame] canvas").first
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - 40, box["y"] + 50)  # the only row's last seed
    page.wait_for_url(re.compile(r"/run\?run="))
    page.get_by_role("button", name="Sweep night").click()
    page.wait_for_url(re.compile(r"/sweep\?tag=night"))
    page.get_by_role("button", name="In the list of runs").click()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value("tag:night")
    expect(page.get_by_text("2 done")).to_be_visible()
