"""The Runs page in a window as narrow as a phone's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Dashboard
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e
TOUCH_PX = 40
TOO_WIDE = (
    "() => { const e = document.querySelector('.stMain'); return e.scrollWidth - e.clientWidth }"
)


@pytest.fixture(scope="module")
def run(dashboard: Dashboard) -> str:
    """A run that is over; gives its name."""
    environment = os.environ | {
        "SLIPWAY_VOLUME": str(dashboard.volume),
        "SLIPWAY_STATE": str(dashboard.state),
        "SLIPWAY_USER": "kim",
    }
    command = [sys.executable, "-m", "pipeline", "launch", "--model", "yolov8n-scratch.yaml"]
    command += ["--cfg", "cfg-custom", "--data", "data-custom", "--no-train", "--wait"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    (folder,) = (dashboard.volume / "runs").iterdir()
    return folder.name


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A fresh session on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    yield context.new_page()
    context.close()


def test_a_phone_lists_runs_in_two_lines_and_opens_one_by_a_tap(
    phone: Page, dashboard: Dashboard, run: str
) -> None:
    phone.goto(f"{dashboard.url}/runs")
    listed = phone.get_by_role("link", name=run)
    expect(listed).to_contain_text(re.compile(r"✓ .*\n?done · .* ago"))
    expect(phone.locator("[data-testid=stDataFrame]")).to_be_hidden()
    place = listed.bounding_box()
    assert place and place["height"] >= TOUCH_PX
    assert phone.evaluate(TOO_WIDE) == 0
    listed.tap()
    phone.wait_for_url(re.compile(rf"/run\?run={run}"))
    expect(phone.get_by_role("button", name="Clone and edit")).to_be_visible()


def test_a_phone_opens_the_filters_when_asked(phone: Page, dashboard: Dashboard, run: str) -> None:
    phone.goto(f"{dashboard.url}/runs")
    text = phone.get_by_role("textbox", name="Filter")
    button = phone.locator(".st-key-narrow-filters").get_by_role("button")
    expect(button).to_be_visible()
    expect(text).to_be_hidden()
    button.tap()
    expect(text).to_be_visible()
    text.fill("user:nobody")
    text.press("Enter")
    expect(phone.get_by_text("No run fits this filter")).to_be_visible()
    expect(button).to_contain_text("Filters · 1 in use")
    phone.wait_for_timeout(4_000)  # a refresh leaves them open
    expect(text).to_be_visible()
    assert phone.evaluate(TOO_WIDE) == 0


def test_a_phone_that_is_turned_shows_the_table(
    phone: Page, dashboard: Dashboard, run: str
) -> None:
    phone.goto(f"{dashboard.url}/runs")
    listed = phone.get_by_role("link", name=run)
    expect(listed).to_be_visible()
    phone.set_viewport_size({"width": 844, "height": 390})
    expect(phone.locator("[data-testid=stDataFrame] canvas").first).to_be_visible()
    expect(listed).to_be_hidden()
    expect(phone.get_by_role("textbox", name="Filter")).to_be_visible()
    expect(phone.locator(".st-key-narrow-filters")).to_be_hidden()
