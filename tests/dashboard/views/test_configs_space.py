"""The form of a tune-*.yaml: the text follows it, and it follows the text."""

from __future__ import annotations

from pathlib import Path

import yaml
from streamlit.testing.v1 import AppTest

from tests.dashboard.pages import text_of
from tests.dashboard.views.test_configs import open_editor

FILE = "tune-night.yaml"
KEY = f"configs.text.{FILE}"
TEXT = """\
# for long nights
space:
  lr0: {low: 0.001, high: 0.01, scale: log}  # as in the paper
  box:
    low: 6.0  # never lower
    high: 7.0
trials: 4  # one GPU
"""


def field(*parts: str) -> str:
    return ".".join(["space", *parts, f"configs.{FILE}"])


def opened(installation: Path, text: str = TEXT) -> AppTest:
    (installation / FILE).write_text(text, encoding="utf-8")
    return open_editor(FILE)


def test_a_change_in_the_form_is_one_in_the_text(installation: Path) -> None:
    page = opened(installation)
    page.text_input(key=field("field", "box", "high")).set_value("9").run()
    assert page.text_area(key=KEY).value == TEXT.replace("high: 7.0", "high: 9")
    page.number_input(key=field("search", "trials")).set_value(8).run()
    page.button(key=field("field", "lr0", "remove")).click().run()
    text = str(page.text_area(key=KEY).value)
    assert (
        "# for long nights" in text and "# never lower" in text and "trials: 8  # one GPU" in text
    )
    assert "lr0" not in text and "not saved" in text_of(page)
    page.button(key="configs.save").click().run()
    assert yaml.safe_load((installation / FILE).read_text())["space"] == {
        "box": {"low": 6.0, "high": 9}
    }


def test_a_change_in_the_text_is_one_in_the_form(installation: Path) -> None:
    page = opened(installation)
    page.text_area(key=KEY).set_value(TEXT.replace("7.0", "8.5")).run()
    assert page.text_input(key=field("field", "box", "high")).value == "8.5"
    page.text_area(key=KEY).set_value("space: [\n").run()
    assert "The form comes back" in text_of(page)


def test_settings_and_presets_go_into_the_text(installation: Path) -> None:
    page = opened(installation)
    page.selectbox(key=field("add")).set_value("cls").run()
    assert "  cls: {low: " in str(page.text_area(key=KEY).value)
    page.button(key=field("preset", "loss weights")).click().run()
    text = str(page.text_area(key=KEY).value)
    assert list(yaml.safe_load(text)["space"]) == ["box", "cls", "dfl"]
    assert text.startswith("# for long nights") and "# one GPU" in text
    page.number_input(key=field("search", "epochs")).set_value(5).run()
    assert str(page.text_area(key=KEY).value).endswith("epochs: 5\n")


def test_ranges_are_compared_with_a_cfg(installation: Path) -> None:
    page = opened(installation)
    assert "the current value of 'box', 7.5, is not in" in text_of(page).replace("\\", "")
    (installation / "cfg-low.yaml").write_text("box: 6.5\noptimizer: SGD\n")
    page = open_editor(FILE)
    page.selectbox(key="configs.space.cfg").set_value("cfg-low").run()
    assert "current value of 'box'" not in text_of(page)


def test_a_new_space_is_made_from_a_preset(installation: Path) -> None:
    page = open_editor("")
    page.selectbox(key="configs.kind").set_value("tune").run()
    page.selectbox(key="configs.preset").set_value("learning rate").run()
    page.button(key="configs.create").click().run()
    made = yaml.safe_load((installation / "tune-new.yaml").read_text())
    assert made["space"]["lr0"] == {"low": 0.001, "high": 0.009, "scale": "log"}
    assert page.query_params["file"] == ["tune-new.yaml"]
    assert not page.exception and "No problems found" in text_of(page)


def test_what_cannot_be_patched_is_said(installation: Path) -> None:
    page = opened(installation, "a: &a {low: 1, high: 9}\nspace: {box: *a, cls: *a}\n")
    page.text_input(key=field("field", "box", "high")).set_value("8").run()
    assert "cannot be changed without touching" in text_of(page).replace("\\", "")
