import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pipeline.core.files import write_json
from pipeline.core.launch.launch import load_launch
from tests.actions.runs.test_file_uses import record
from tests.dashboard.pages import open_page, text_of

FILE = "cfg-custom.yaml"
KEY = f"configs.text.{FILE}"
MODEL = "yolov8-scratch.yaml"
BUILT = {
    "imgsz": 96,
    "nc": 3,
    "scale": "s",
    "layers": 129,
    "parameters": 11_136_761,
    "gflops": 2.567,
    "stride": 32,
    "build_s": 0.2,
    "forward_s": 0.031,
    "device": "cpu",
}


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views.configs import page as configs

    guarded(configs.render)()


def open_editor(file: str = FILE) -> AppTest:
    return open_page(script, file=file)


def test_lists_the_yaml_files_and_opens_one(installation: Path) -> None:
    page = open_editor("")
    page.button(key="configs.open.data-custom.yaml").click().run()
    assert page.query_params["file"] == ["data-custom.yaml"]
    assert "names:" in page.text_area[0].value


def test_saves_what_was_typed(installation: Path) -> None:
    page = open_editor()
    assert page.button(key="configs.save").disabled
    page.text_area(key=KEY).set_value("epochs: 7\n").run()
    assert "not saved" in text_of(page)
    page.button(key="configs.save").click().run()
    assert (installation / FILE).read_text(encoding="utf-8") == "epochs: 7\n"
    assert "saved just now" in text_of(page)


def test_problems_are_named_with_their_line(installation: Path) -> None:
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 7\nlr0: abc\n").run()
    assert "1 error" in text_of(page) and f"{FILE}:2" in text_of(page)
    page.text_area(key=KEY).set_value("epochs: [7\n").run()
    assert "1 error" in text_of(page)


def test_unsaved_text_outlives_a_reload(installation: Path) -> None:
    open_editor().text_area(key=KEY).set_value("epochs: 9\n").run()
    again = open_editor()
    assert again.text_area(key=KEY).value == "epochs: 9\n"
    again.button(key="configs.discard").click().run()
    assert again.text_area(key=KEY).value == (installation / FILE).read_text(encoding="utf-8")
    assert "epochs: 9" not in open_editor().text_area(key=KEY).value


def test_a_file_that_changed_meanwhile_is_not_overwritten(installation: Path) -> None:
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 9\n").run()
    (installation / FILE).write_text("epochs: 11\n", encoding="utf-8")
    page.button(key="configs.save").click().run()
    assert (installation / FILE).read_text(encoding="utf-8") == "epochs: 11\n"
    assert "changed by somebody else" in text_of(page)
    assert page.text_area(key=KEY).value == "epochs: 9\n"
    page.button(key="configs.mine").click().run()
    assert (installation / FILE).read_text(encoding="utf-8") == "epochs: 9\n"


def test_a_conflict_can_be_given_up(installation: Path) -> None:
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 9\n").run()
    (installation / FILE).write_text("epochs: 11\n", encoding="utf-8")
    page.run()
    page.button(key="configs.theirs").click().run()
    assert page.text_area(key=KEY).value == "epochs: 11\n"


def test_an_editor_without_changes_follows_the_file(installation: Path) -> None:
    page = open_editor()
    (installation / FILE).write_text("epochs: 11\n", encoding="utf-8")
    page.run()
    assert page.text_area(key=KEY).value == "epochs: 11\n"


def test_a_name_that_leaves_the_volume_is_refused(installation: Path) -> None:
    for name in ("../secret.yaml", "runs/x/cfg.yaml", "/etc/passwd", "missing.yaml"):
        page = open_editor(name)
        assert page.error and not page.text_area and not page.exception


def test_a_save_is_a_version_that_can_be_compared_and_restored(installation: Path) -> None:
    before = (installation / FILE).read_text(encoding="utf-8")
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 7\n").run()
    message = next(box for box in page.text_input if box.label == "What changed")
    message.set_value("shorter").run()
    page.button(key="configs.save").click().run()
    assert "version 2" in text_of(page)
    page.button_group(key="configs.side").set_value("history").run()
    versions = page.selectbox(key=f"configs.version.{FILE}")
    assert "shorter" in versions.options[0] and "kim" in versions.options[0]
    versions.set_value(1).run()
    assert "+epochs: 7" in page.code[0].value
    page.button(key="configs.restore").click().run()
    assert (installation / FILE).read_text(encoding="utf-8") == before
    assert not page.exception and not page.error


def test_the_form_changes_its_key_only_and_follows_the_text(installation: Path) -> None:
    before = (installation / FILE).read_text(encoding="utf-8")
    page = open_editor()
    field = f"cfg_form.configs.{FILE}.epochs"
    page.number_input(key=field).set_value(7).run()
    assert page.text_area(key=KEY).value == before.replace("epochs: 24", "epochs: 7")
    page.text_area(key=KEY).set_value("epochs: 9\n").run()
    assert page.number_input(key=field).value == 9


def test_a_class_is_renamed_in_its_line_and_one_less_is_warned_about(installation: Path) -> None:
    file = "data-custom.yaml"
    before = (installation / file).read_text(encoding="utf-8")
    page = open_editor(file)
    names = page.text_area(key=f"configs.names.{file}")
    assert names.value == "circle\nsquare\nstar"
    names.set_value("disc\nsquare\nstar\nheart").run()
    text = page.text_area(key=f"configs.text.{file}").value
    assert text == before.replace("0: circle", "0: disc") + "  3: heart\n"
    assert "Class ids shift" not in text_of(page)
    page.text_area(key=f"configs.names.{file}").set_value("square\nstar").run()
    assert "Class ids shift" in text_of(page)


def test_a_model_shows_its_scales_and_layers(installation: Path) -> None:
    page = open_editor("yolov8-scratch.yaml")
    scales, layers = page.dataframe
    assert len(scales.value) == 5 and len(layers.value) == 23


@pytest.mark.usefixtures("nothing_starts")  # the test is the step
def test_a_model_is_built_by_a_run_and_its_size_is_shown(installation: Path) -> None:
    page = open_editor(MODEL)
    page.selectbox(key=f"configs.scale.{MODEL}").set_value("s").run()
    page.number_input(key=f"configs.imgsz.{MODEL}").set_value(96).run()
    page.button(key="configs.build").click().run()
    (folder,) = (installation / "runs").iterdir()
    assert "queued" in text_of(page)
    choices = load_launch(folder / "launch.json").choices
    assert (choices.model, choices.build) == ("yolov8s-scratch.yaml", True)
    assert choices.overrides == {"imgsz": 96}
    write_json(folder / "build" / "build.json", BUILT)
    page.run()
    assert "It builds" in text_of(page)
    size = "129 layers · 11.1 M parameters · 2.57 GFLOPs at 96 px"
    assert size in text_of(page) and "31 ms on cpu" in text_of(page)
    page.number_input(key=f"configs.imgsz.{MODEL}").set_value(64).run()
    assert "It builds" not in text_of(page)
    again = open_editor(MODEL)
    again.number_input(key=f"configs.imgsz.{MODEL}").set_value(96).run()
    again.selectbox(key=f"configs.scale.{MODEL}").set_value("s").run()
    assert "It builds" in text_of(again)
    (installation / MODEL).write_text((installation / MODEL).read_text() + "# other\n")
    assert "It builds" not in text_of(again.run())
    assert not again.exception and not page.exception


@pytest.mark.usefixtures("nothing_starts")
def test_a_model_that_does_not_build_leads_to_its_line(installation: Path) -> None:
    page = open_editor(MODEL)
    page.button(key="configs.build").click().run()
    (folder,) = (installation / "runs").iterdir()
    failure = {"error": "layer 9 (SPPF, line 25) is odd.", "why": f"{MODEL}:25", "next": "Mend it."}
    write_json(folder / "build" / "failure.json", failure)
    page.run()
    assert "line 25) is odd" in page.error[0].value
    page.button(key="configs.build.line").click().run()
    assert page.session_state["yaml_editor.jump"][0] == 25
    page.text_area(key=f"configs.text.{MODEL}").set_value("nc: 3\nbackbone: []\n").run()
    assert page.button(key="configs.build").disabled
    page.button(key="configs.save").click().run()
    page.button(key="configs.build").click().run()
    assert "is not a list of layers" in text_of(page)
    assert len(list((installation / "runs").iterdir())) == 1
    assert not page.exception


def test_a_file_is_made_copied_deleted_and_brought_back(installation: Path) -> None:
    page = open_editor()
    page.button(key="configs.create").click().run()
    assert page.query_params["file"] == ["cfg-new.yaml"]
    page.button(key="configs.duplicate").click().run()
    assert page.query_params["file"] == ["cfg-new-copy.yaml"]
    page.button(key="configs.delete").click().run()
    assert not (installation / "cfg-new-copy.yaml").exists()
    assert "file" not in page.query_params
    page = open_editor("")
    page.button(key="configs.back.cfg-new-copy.yaml").click().run()
    assert (installation / "cfg-new-copy.yaml").exists()
    assert not page.exception and not page.error


def test_my_text_of_a_conflict_is_saved_under_another_name(installation: Path) -> None:
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 9\n").run()
    (installation / FILE).write_text("epochs: 11\n", encoding="utf-8")
    page.run()
    page.button(key="configs.other").click().run()
    assert (installation / FILE).read_text(encoding="utf-8") == "epochs: 11\n"
    assert (installation / "cfg-custom-mine.yaml").read_text(encoding="utf-8") == "epochs: 9\n"


def test_what_is_discarded_can_be_brought_back(installation: Path) -> None:
    page = open_editor()
    page.text_area(key=KEY).set_value("epochs: 9\n").run()
    page.button(key="configs.discard").click().run()
    page.button(key="configs.aside").click().run()
    assert page.text_area(key=KEY).value == "epochs: 9\n"


def test_a_read_only_volume_says_so_before_one_types(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    page = open_editor()
    assert page.text_area(key=KEY).disabled
    assert any("cannot be written" in str(info.value) for info in page.info)


def test_a_split_is_chosen_from_what_the_dataset_has(installation: Path) -> None:
    file = "data-custom.yaml"
    page = open_editor(file)
    field = page.selectbox(key=f"configs.place.{file}.val")
    assert "images/test" in field.options
    field.set_value("images/test").run()
    assert "val: images/test\n" in page.text_area(key=f"configs.text.{file}").value


def test_a_file_says_how_many_runs_used_it_and_leads_to_them(installation: Path) -> None:
    record(installation, "20261123-1432-a")
    page = open_editor()
    assert "1 run" in page.button(key=f"configs.open.{FILE}").label
    page.button_group(key="configs.side").set_value("history").run()
    assert page.button(key="configs.run.20261123-1432-a")
