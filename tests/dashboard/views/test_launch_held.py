from pathlib import Path

from streamlit.testing.v1 import AppTest


def form() -> None:
    """Draw a button that starts a plan; what is prepared and started is counted."""
    import streamlit as st

    from dashboard.views.launch.held import Held

    held, counts = Held[int]("plan"), st.session_state.setdefault("counts", [0, 0])

    def prepare() -> int:
        counts[0] += 1
        return int(counts[0])

    def start() -> str:
        counts[1] += 1
        return f"run {held.kept()}"

    held.current((st.text_input("asked", key="asked"),), prepare)
    st.button("again")
    if st.button("start", on_click=held.click):
        st.session_state["started"] = held.start(start)


def opened() -> AppTest:
    return AppTest.from_function(form).run()


def test_a_plan_is_the_same_until_something_else_is_asked_for(installation: Path) -> None:
    page = opened()
    page.button[0].click().run()
    assert page.session_state["counts"] == [1, 0]
    page.text_input[0].input("more").run()
    assert page.session_state["counts"] == [2, 0]


def test_a_changed_file_of_the_volume_makes_a_new_plan(installation: Path) -> None:
    page = opened()
    (installation / "cfg-other.yaml").write_text("epochs: 1\n")
    page.run()
    assert page.session_state["counts"] == [2, 0]


def test_a_double_click_starts_once_and_what_comes_later_is_a_new_plan(installation: Path) -> None:
    page = opened()
    for _ in range(2):
        page.button[1].click().run()
        assert page.session_state["counts"] == [1, 1]
        assert page.session_state["started"] == "run 1"
    page.run()
    assert page.session_state["counts"] == [2, 1]
