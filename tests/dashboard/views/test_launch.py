import time
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import preferences, services
from pipeline.actions.launching.estimate import Estimate
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import run_folder
from tests.dashboard.pages import open_app, text_of

PAGE = {"model": "yolov8n-scratch.yaml", "cfg": "cfg-custom", "data": "data-custom"}


@pytest.fixture
def both_engines(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that also knows a cluster, which is out of reach."""
    monkeypatch.setenv("KFP_ENDPOINT", "http://127.0.0.1:9")
    return installation


def launch_of(page: AppTest) -> Launch:
    """Give what the Launch button would start."""
    launch: Launch = page.session_state["launch.plan"].plan.launch
    return launch


def test_opens_with_the_samples_first_choices_ready_to_launch(installation: Path) -> None:
    page = open_app()
    assert not page.exception
    assert {box.label: box.value for box in page.selectbox[:3]} == {
        "Model": "yolov8n-scratch.yaml",
        "Cfg": "cfg-custom",
        "Data": "data-custom",
    }
    assert "Ready" in text_of(page)
    assert "24 images" in text_of(page)
    assert not page.button(key="launch.submit").disabled


def test_choices_are_in_the_url(installation: Path) -> None:
    page = open_app()
    page.selectbox(key="form.model").select("yolov8s-scratch.yaml").run()
    assert page.query_params["model"] == ["yolov8s-scratch.yaml"]
    again = open_app(model="yolov8s-scratch.yaml")
    assert again.selectbox(key="form.model").value == "yolov8s-scratch.yaml"


def test_a_browser_that_missed_the_first_paint_shows_what_is_chosen_all_the_same(
    installation: Path,
) -> None:
    other = services.here().volume.root / "cfg-other.yaml"
    other.write_text("epochs: 2\n")
    try:
        page = open_app(**PAGE | {"cfg": "cfg-other"})
        sent = page.selectbox(key="form.cfg").proto
        # Without a value of its own, a field shows what it began with.
        assert sent.set_value or sent.options[sent.default] == "cfg-other"
    finally:
        other.unlink()


def test_a_name_in_the_url_that_is_not_on_the_volume_is_not_chosen(installation: Path) -> None:
    page = open_app(model="../../etc/passwd")
    assert page.selectbox(key="form.model").value == "yolov8n-scratch.yaml"
    assert not page.exception


def test_official_weights_that_are_missing_are_shown_with_how_to_get_them(
    installation: Path,
) -> None:
    page = open_app(model="yolo11n.pt")
    assert page.selectbox(key="form.model").value == "yolo11n.pt"
    assert "Fetch it on the Models page" in text_of(page)
    assert page.button(key="launch.submit").disabled
    page.selectbox(key="form.model").select("yolov8s-scratch.yaml").run()
    assert page.run().selectbox(key="form.model").options[-1] != "yolo11n.pt"
    assert not page.button(key="launch.submit").disabled


def test_last_choices_are_remembered_for_a_user(installation: Path, state: Path) -> None:
    preferences.remember(state, "kim", launch={"model": "yolov8m-scratch.yaml", "tune": True})
    page = open_app()
    assert page.selectbox(key="form.model").value == "yolov8m-scratch.yaml"
    assert page.toggle(key="form.tune").value


def test_a_link_shows_everybody_the_same(installation: Path, state: Path) -> None:
    preferences.remember(state, "kim", launch={"model": "yolov8m-scratch.yaml", "tune": True})
    page = open_app(**PAGE)
    assert page.selectbox(key="form.model").value == "yolov8n-scratch.yaml"
    assert not page.toggle(key="form.tune").value


def test_tune_is_off_and_says_why_without_train(installation: Path) -> None:
    page = open_app()
    page.toggle(key="form.tune").set_value(True).run()
    page.toggle(key="form.train").set_value(False).run()
    tune = page.toggle(key="form.tune")
    assert tune.disabled and not tune.value
    assert "switch Train on first" in text_of(page)


def test_a_changed_setting_is_marked_kept_in_the_url_and_taken_back(installation: Path) -> None:
    page = open_app()
    key = "cfg_form.cfg-custom.yaml.epochs"
    before = page.number_input(key=key).value
    page.number_input(key=key).set_value(7).run()
    assert page.query_params["set"] == ["epochs=7"]
    assert f"was {before}" in page.number_input(key=key).label
    page.number_input(key=key).set_value(before).run()
    assert "set" not in page.query_params


def test_overrides_come_from_the_url(installation: Path) -> None:
    page = open_app(**PAGE, set=["epochs=3", "lr0=1e-3"])
    assert page.number_input(key="cfg_form.cfg-custom.yaml.epochs").value == 3
    assert page.number_input(key="cfg_form.cfg-custom.yaml.lr0").value == 0.001


def test_settings_are_found_by_name_and_by_description(installation: Path) -> None:
    page = open_app()
    page.text_input(key="cfg_form.search").set_value("mosaic").run()
    keys = [field.key for field in page.number_input]
    assert "cfg_form.cfg-custom.yaml.mosaic" in keys
    assert "cfg_form.cfg-custom.yaml.epochs" not in keys
    page.text_input(key="cfg_form.search").set_value("no such thing").run()
    assert "No setting" in text_of(page)


@pytest.mark.parametrize("view", ["common", "optimiser", "augmentation", "loss", "all"])
def test_every_view_of_the_settings_opens(installation: Path, view: str) -> None:
    page = open_app()
    page.button_group(key="cfg_form.view").set_value(view).run()
    assert not page.exception and not page.error


def test_errors_are_shown_and_stop_the_launch(installation: Path) -> None:
    (installation / "cfg-bad.yaml").write_text("epochz: 3\nlr0: abc\n", encoding="utf-8")
    page = open_app(**PAGE | {"cfg": "cfg-bad"})
    assert "Not ready" in text_of(page)
    assert "epochz" in text_of(page) and "cfg-bad.yaml:1" in text_of(page)
    assert page.button(key="launch.submit").disabled
    assert not page.exception


def test_a_broken_yaml_names_its_line_and_leads_to_the_editor(installation: Path) -> None:
    (installation / "cfg-broken.yaml").write_text("epochs: [1\nlr0: 2\n", encoding="utf-8")
    page = open_app(**PAGE | {"cfg": "cfg-broken"})
    assert "cfg-broken.yaml:2" in text_of(page)
    assert any(button.label == "Open the cfg" for button in page.button)
    assert not page.exception


def test_a_broken_dataset_keeps_the_page_up(installation: Path) -> None:
    (installation / "data-none.yaml").write_text(
        "path: nowhere\ntrain: a\nval: b\nnames: [x]\n", encoding="utf-8"
    )
    page = open_app(**PAGE | {"data": "data-none"})
    assert "Not ready" in text_of(page)
    assert not page.exception


def test_the_images_are_checked_on_demand_until_the_data_changes(installation: Path) -> None:
    image = installation / "datasets/shapes/images/train/train-0001.jpg"
    image.write_bytes(b"no image")
    page = open_app(**PAGE)
    assert "left out" not in text_of(page)
    page.button(key="launch.images").click().run()
    wait_for_images(page)
    assert "the training leaves it out" in text_of(page)
    assert "Every image was opened" in text_of(page)
    assert launch_of(page).choices.data == "data-custom"
    assert not page.button(key="launch.submit").disabled  # a damaged image is no error
    again = open_app(**PAGE)  # another session, or a reload
    assert "the training leaves it out" in text_of(again)
    label = installation / "datasets/shapes/labels/val/val-0001.txt"
    label.write_text(label.read_text() + "0 0.5 0.5 0.2 0.2\n")
    changed = open_app(**PAGE)
    assert "leaves it out" not in text_of(changed)
    assert changed.button(key="launch.images").label == "Check the images too"


def test_images_that_are_all_damaged_stop_the_launch(installation: Path) -> None:
    for image in (installation / "datasets/shapes/images/train").iterdir():
        image.write_bytes(b"no image")
    page = open_app(**PAGE)
    assert not page.button(key="launch.submit").disabled
    page.button(key="launch.images").click().run()
    wait_for_images(page)
    assert "Not ready" in text_of(page)
    assert page.button(key="launch.submit").disabled


def wait_for_images(page: AppTest) -> None:
    for _ in range(100):
        if "Every image was opened" in text_of(page):
            return
        time.sleep(0.05)
        page.run()


def test_an_empty_volume_teaches_and_offers_the_sample(
    installation: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SLIPWAY_VOLUME", str(tmp_path / "empty"))
    page = open_app()
    assert "Missing on the volume: model, cfg, data" in text_of(page)
    assert any("sample" in button.label for button in page.button)
    assert not page.exception


def test_wrong_settings_are_said_not_thrown(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINE", "argo")
    page = open_app()
    assert "SLIPWAY_ENGINE is 'argo'" in text_of(page)
    assert not page.exception


def test_where_there_is_one_engine_nothing_is_asked(installation: Path) -> None:
    page = open_app()
    assert not [group for group in page.button_group if group.label == "Engine"]
    assert not page.text_area
    assert launch_of(page).engine == "local"


def test_the_engine_is_a_choice_kept_in_the_url(both_engines: Path) -> None:
    page = open_app()
    assert launch_of(page).engine == "local" and not page.text_area
    page.button_group(key="form.engine").set_value("kubeflow").run()
    assert launch_of(page).engine == "kubeflow"
    assert page.query_params["engine"] == ["kubeflow"]
    assert launch_of(open_app(**PAGE, engine="kubeflow")).engine == "kubeflow"
    assert launch_of(open_app(**PAGE, engine="argo")).engine == "local"


def test_the_engine_is_remembered_as_long_as_it_is_offered(
    both_engines: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = {"engine": "kubeflow", "node_selector": "disk=ssd"}
    preferences.remember(state, "kim", launch=last)
    launch = launch_of(open_app())
    assert launch.engine == "kubeflow" and launch.choices.node_selector == {"disk": "ssd"}
    monkeypatch.delenv("KFP_ENDPOINT")
    st.cache_resource.clear()
    launch = launch_of(open_app())
    assert launch.engine == "local" and not launch.choices.node_selector


def test_nodes_are_chosen_one_a_line_and_count_on_kubeflow_only(both_engines: Path) -> None:
    page = open_app(**PAGE, engine="kubeflow")
    page.text_area(key="form.node_selector").set_value("disk=ssd\nzone = a, tier=").run()
    page.text_area(key="form.tolerations").set_value("gpu=yes:NoSchedule, spot:NoExecute").run()
    choices = launch_of(page).choices
    assert choices.node_selector == {"disk": "ssd", "zone": "a", "tier": ""}
    assert choices.tolerations == ("gpu=yes:NoSchedule", "spot:NoExecute")
    page.button_group(key="form.engine").set_value("local").run()
    assert not launch_of(page).choices.node_selector and not page.text_area
    page.button_group(key="form.engine").set_value("kubeflow").run()
    assert launch_of(page).choices == choices


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("node_selector", "ssd", "'ssd' is not KEY=VALUE"),
        ("node_selector", "disk=ssd\ndisk=hdd", "'disk' is asked to be 'ssd' and 'hdd'"),
        ("node_selector", "disk=s s d", "'disk=s s d' is not a node label"),
        ("tolerations", "gpu", "'gpu' is not a toleration"),
        ("tolerations", "gpu=yes:Never", "'gpu=yes:Never' is not a toleration"),
        ("shm_size", "much", "'much' is not a size"),
    ],
)
def test_what_cannot_be_read_is_said_and_stops_the_launch(
    both_engines: Path, field: str, typed: str, said: str
) -> None:
    page = open_app(**PAGE, engine="kubeflow", **{field: typed})
    text = text_of(page).replace("\\", "")
    assert said in text and "Not ready" in text
    assert ":red[:material/close:] resources" in text_of(page)
    assert page.button(key="launch.submit").disabled and not page.exception


def test_a_clone_is_filled_in_with_all_that_was_asked_for(both_engines: Path) -> None:
    asked = Choices(
        model="yolov8s-scratch.yaml",
        overrides={"epochs": 3},
        cpus=2,
        mem_gb=6,
        shm_size="2Gi",
        node_selector={"disk": "ssd", "zone": "a"},
        tolerations=("gpu=yes:NoSchedule",),
    )
    launch = Launch("original", asked, asked.model, "kim", "2026-11-23T00:00:00.000Z", "1")
    folder = run_folder(Volume(both_engines), launch.id)
    folder.path.mkdir(parents=True)
    replace(launch, engine="local").save(folder.launch)
    page = open_app(clone=launch.id)
    assert launch_of(page).engine == "local" and launch_of(page).choices.mem_gb == 6
    page.button_group(key="form.engine").set_value("kubeflow").run()
    assert launch_of(page).choices == asked
    assert launch_of(page).cloned_from == launch.id and launch_of(page).engine == "kubeflow"


def test_advice_is_taken_over_with_one_click_and_taken_back(installation: Path) -> None:
    page = open_app(**PAGE, set=["epochs=20"])
    advice, field = "launch.advice.epochs", "cfg_form.cfg-custom.yaml.epochs"
    assert page.button(key=advice).label == ":blue[Apply]"
    page.button(key=advice).click().run()
    assert page.number_input(key=field).value == 150
    assert "was 24" in page.number_input(key=field).label
    assert launch_of(page).choices.overrides == {"epochs": 150}
    assert "applied, was" in text_of(page) and "train images give" in text_of(page)
    assert page.button(key=advice).label == ":blue[Undo]"
    page.button(key=advice).click().run()
    assert page.query_params["set"] == ["epochs=20"]
    assert page.button(key=advice).label == ":blue[Apply]"


def test_advice_that_a_link_brings_is_shown_as_applied(installation: Path) -> None:
    page = open_app(**PAGE, set=["epochs=150"])
    page.button(key="launch.advice.epochs").click().run()
    assert "set" not in page.query_params


def test_time_and_space_are_told_when_they_are_known(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "like it before" not in text_of(open_app())
    known = Estimate(seconds=372.0, runs=3, bytes=120_000_000)
    monkeypatch.setattr("pipeline.actions.launching.launches.estimate", lambda *_: known)
    assert "about 6 min (3 like it before) · 120 MB" in text_of(open_app())
    weights = Estimate(bytes=12_000_000)
    monkeypatch.setattr("pipeline.actions.launching.launches.estimate", lambda *_: weights)
    assert "about 12.0 MB on disk" in text_of(open_app()).splitlines()


def test_a_preset_is_saved_and_applied(installation: Path) -> None:
    page = open_app(**PAGE, set=["epochs=3", "lr0=0.002"])
    page.text_input(key="launch.preset.name").set_value("quick").run()
    page.button(key="launch.preset.save").click().run()
    assert "epochs: 3" in (installation / "presets" / "quick.yaml").read_text(encoding="utf-8")
    page = open_app(**PAGE, set="imgsz=64")
    assert "`lr0` 0.003 → **0.002**" in text_of(page).replace("\\", "")
    page.button(key="launch.preset.apply").click().run()
    assert launch_of(page).choices.overrides == {"imgsz": 64, "epochs": 3, "lr0": 0.002}
