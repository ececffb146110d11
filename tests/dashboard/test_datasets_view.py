import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from dashboard import services


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views import datasets

    guarded(datasets.render)()


def open_page(**query: str) -> AppTest:
    page = AppTest.from_function(script, default_timeout=30)
    for key, value in query.items():
        page.query_params[key] = value
    return settled(page.run())


def settled(page: AppTest) -> AppTest:
    """Wait until nothing is read any more, and draw the page."""
    deadline = time.monotonic() + 60
    inspections = services.inspections()
    names = [choice.path for choice in services.volume().choices("data")]
    while any(inspections.known(name).is_running for name in names):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return page.run()


def text_of(page: AppTest) -> str:
    assert not page.exception
    parts = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.success]
    return "\n".join(str(part.value) for part in [*parts, *page.subheader])


def html_of(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def test_the_answer_comes_first(installation: Path) -> None:
    page = open_page(data="data-custom")
    text = text_of(page)
    assert "24 images" in text and "3 classes" in text and "imbalance" in text
    assert page.query_params["data"] == ["data-custom"]
