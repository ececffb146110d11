import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.run_folder import RunFolder

if TYPE_CHECKING:
    from conftest import Dashboard
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e
TRAINING_MS = 180_000
LAUNCH = ".st-key-launch-submit button"


def test_two_clicks_train_the_sample_to_the_end(page: "Page", dashboard: "Dashboard") -> None:
    page.goto(dashboard.url)
    expect(page.get_by_text(re.compile("^240? images"))).to_be_visible()
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    page.locator(LAUNCH).click()
    page.wait_for_url(re.compile(r"/run\?run="))
    address = page.url
    finished = page.get_by_role("heading", name=re.compile("done"))
    expect(finished).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_text("mAP50-95").first).to_be_visible()
    _picture(page, "run.png")

    page.goto(address)  # a reload, or a second browser, shows the same
    expect(finished).to_be_visible()

    page.goto(f"{dashboard.url}/runs")
    expect(page.get_by_text("1 done")).to_be_visible()
    launch = re.search(r"run=([^&]+)", address)
    assert launch and (dashboard.volume / "runs" / launch[1] / "test" / "metrics.json").is_file()


def test_the_preview_shows_what_will_be_launched(page: "Page", dashboard: "Dashboard") -> None:
    page.goto(dashboard.url)
    page.get_by_role("button", name=re.compile("Preview")).click()
    dialog = page.get_by_role("dialog")
    for step in ("Verify", "Data distribution", "Plot distribution", "Train", "Test", "Tune"):
        expect(dialog.locator("svg").get_by_text(step, exact=True)).to_be_visible()
    dialog.get_by_role("tab", name="Workflow YAML").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert "kind: Workflow" in Path(download.value.path()).read_text(encoding="utf-8")
    dialog.get_by_role("tab", name="Command line").click()
    expect(dialog.get_by_text("slipway launch")).to_be_visible()


def test_what_is_changed_survives_a_reload_and_a_look_at_another_page(
    page: "Page", dashboard: "Dashboard"
) -> None:
    page.goto(dashboard.url)
    epochs = page.get_by_role("spinbutton", name=re.compile("^epochs"))
    epochs.fill("5")
    epochs.press("Enter")
    expect(page.get_by_text("was 2")).to_be_visible()
    expect(page.locator(LAUNCH)).to_have_count(1)  # parts of the page are drawn anew, in place
    page.reload()
    expect(page.get_by_text("was 2")).to_be_visible()
    page.get_by_role("link", name="Configs").click()
    expect(page.get_by_text("Choose a file")).to_be_visible()
    page.get_by_role("link", name="Launch").click()
    expect(page.get_by_text("was 2")).to_be_visible()


def test_a_clone_shows_what_it_will_launch(page: "Page", dashboard: "Dashboard") -> None:
    name = "20261123-1432-shapes-yolov8n-k3f9"
    choices = Choices(model="yolov8n-scratch.yaml", tune=True, name="cloned")
    launch = Launch(
        id=name,
        choices=choices,
        model_path="yolov8-scratch.yaml",
        user="ann",
        created_at="2026-11-23T14:32:00.000Z",
        code_version="0",
    )
    launch.save(RunFolder(dashboard.volume / "runs" / name).launch)
    page.goto(f"{dashboard.url}/?clone={name}")
    for label in ("Train", "Tune after training"):
        expect(page.get_by_role("switch", name=label, exact=True)).to_be_checked()
    page.get_by_text("Resources and tracking").click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("cloned")


def test_a_mistake_is_shown_before_the_launch(page: "Page", dashboard: "Dashboard") -> None:
    (dashboard.volume / "cfg-bad.yaml").write_text("epochz: 3\n", encoding="utf-8")
    page.goto(f"{dashboard.url}/?cfg=cfg-bad")
    expect(page.get_by_text("Not ready")).to_be_visible()
    expect(page.get_by_text("cfg-bad.yaml:1")).to_be_visible()
    expect(page.locator(LAUNCH)).to_be_disabled()


def test_a_file_is_edited_and_saved(page: "Page", dashboard: "Dashboard") -> None:
    (dashboard.volume / "cfg-mine.yaml").write_text("epochs: 3\n", encoding="utf-8")
    page.goto(f"{dashboard.url}/configs?file=cfg-mine.yaml")
    editor = page.locator("textarea")
    editor.fill("epochs: 4\n")
    editor.press("Control+Enter")
    expect(page.get_by_text("not saved")).to_be_visible()
    page.reload()  # what was typed is still there
    expect(editor).to_have_value("epochs: 4\n")
    page.locator(".st-key-configs-save button").click()
    expect(page.get_by_text("saved just now")).to_be_visible()
    assert (dashboard.volume / "cfg-mine.yaml").read_text(encoding="utf-8") == "epochs: 4\n"


def test_problems_are_marked_while_one_types_and_lead_to_their_line(
    page: "Page", dashboard: "Dashboard"
) -> None:
    (dashboard.volume / "cfg-typed.yaml").write_text("epochs: 3\n", encoding="utf-8")
    page.goto(f"{dashboard.url}/configs?file=cfg-typed.yaml")
    expect(page.locator(".yaml-key")).to_have_text(["epochs"])
    editor = page.locator("textarea")
    editor.press("Control+End")
    editor.press_sequentially("lr0: abc\nbatch: 4")
    expect(page.locator(".yaml-line.error .yaml-key")).to_have_text(["lr0"])  # nothing was pressed
    expect(page.get_by_text("not saved")).to_be_visible()
    page.get_by_role("button", name="Go to line 2").click()
    expect(editor).to_be_focused()
    editor.press_sequentially("lr0: 0.01")  # over what the click selected
    expect(page.get_by_text("No problems found")).to_be_visible()
    expect(editor).to_have_value("epochs: 3\nlr0: 0.01\nbatch: 4")


def _picture(page: "Page", name: str) -> None:
    """Take a picture for the README when one is asked for."""
    folder = os.environ.get("SCREENSHOTS_FOLDER")
    if folder:
        page.screenshot(path=Path(folder) / name)
