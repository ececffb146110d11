from pathlib import Path

from streamlit.testing.v1 import AppTest

FILE = "cfg-custom.yaml"
KEY = f"configs.text.{FILE}"


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views import configs

    guarded(configs.render)()


def open_editor(file: str = FILE) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30)
    if file:
        page.query_params["file"] = file
    return page.run()


def text_of(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.error, *page.warning]
    return "\n".join(str(part.value) for part in parts)


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
