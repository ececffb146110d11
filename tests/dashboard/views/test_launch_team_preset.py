"""The preset that a team's new launch forms begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.launch.presets import save_preset
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import run_folder
from tests.dashboard.pages import open_app, text_of
from tests.dashboard.views.test_launch import PAGE, launch_of

BUTTON = "launch.team_preset"


@pytest.fixture
def team(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose team begins with the preset ``quick``; gives the volume."""
    monkeypatch.setenv("SLIPWAY_PRESET", "quick")
    save_preset(Volume(installation), "quick", {"epochs": 3, "lr0": 0.002}, user="kim")
    return installation


def overrides_of(page: AppTest) -> dict[str, object]:
    assert not page.exception
    return dict(launch_of(page).choices.overrides)


def test_a_new_form_begins_with_the_teams_preset(team: Path) -> None:
    page = open_app()
    assert overrides_of(page) == {"epochs": 3, "lr0": 0.002}
    assert "Team preset **quick** · 2 settings" in text_of(page)
    assert page.query_params["set"] == ["epochs=3", "lr0=0.002"]


def test_so_does_a_form_that_a_dataset_or_a_model_opens(team: Path) -> None:
    assert overrides_of(open_app(data="data-custom")) == {"epochs": 3, "lr0": 0.002}


def test_a_link_shows_what_it_says(team: Path) -> None:
    page = open_app(**PAGE)
    assert overrides_of(page) == {} and "Without the team preset **quick**" in text_of(page)
    assert overrides_of(open_app(set="imgsz=64")) == {"imgsz": 64}


def test_a_clone_has_what_its_run_had(team: Path) -> None:
    asked = Choices(model="yolov8n-scratch.yaml", overrides={"imgsz": 64})
    launch = Launch("original", asked, asked.model, "kim", "2026-11-23T00:00:00.000Z", "1")
    folder = run_folder(Volume(team), launch.id)
    folder.path.mkdir(parents=True)
    replace(launch, engine="local").save(folder.launch)
    assert overrides_of(open_app(clone=launch.id)) == {"imgsz": 64}


def test_removed_it_stays_away_until_it_is_applied_again(team: Path) -> None:
    page = open_app(set=["epochs=3", "lr0=0.002", "imgsz=64"])
    page.button(key=BUTTON).click().run()
    assert overrides_of(page) == {"imgsz": 64}
    assert "Without the team preset" in text_of(page)
    again = open_app()
    assert overrides_of(again) == {}
    again.button(key=BUTTON).click().run()
    assert overrides_of(again) == {"epochs": 3, "lr0": 0.002}
    assert overrides_of(open_app()) == {"epochs": 3, "lr0": 0.002}


def test_another_preset_of_the_team_is_begun_with_again(
    team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_app()
    page.button(key=BUTTON).click().run()
    assert overrides_of(page) == {}
    save_preset(Volume(team), "long", {"epochs": 300}, user="kim")
    monkeypatch.setenv("SLIPWAY_PRESET", "long")
    st.cache_resource.clear()
    assert overrides_of(open_app()) == {"epochs": 300}


def test_what_was_changed_of_it_is_said_and_kept_when_it_is_removed(team: Path) -> None:
    page = open_app(**PAGE, set=["epochs=3", "lr0=0.005"])
    assert "some changed here" in text_of(page)
    page.button(key=BUTTON).click().run()
    assert overrides_of(page) == {"lr0": 0.005}


@pytest.mark.parametrize("name", ["gone", "../quick", "broken"])
def test_a_preset_that_cannot_be_applied_is_said_and_stops_nothing(
    team: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (team / "presets" / "broken.yaml").write_text("epochz: 3\n", encoding="utf-8")
    monkeypatch.setenv("SLIPWAY_PRESET", name)
    page = open_app()
    assert overrides_of(page) == {} and not page.button(key="launch.submit").disabled
    said = text_of(page).replace("\\", "")
    assert f"The team preset '{name}' (SLIPWAY_PRESET) is not applied" in said


def test_without_the_setting_nothing_is_said(installation: Path) -> None:
    assert "team preset" not in text_of(open_app()).lower()
