from pathlib import Path

from streamlit.testing.v1 import AppTest


def page() -> None:
    from dashboard import language
    from dashboard.errors import guarded
    from pipeline.core.errors import InputError
    from pipeline.core.findings import error
    from pipeline.core.said import said

    language.choose()

    @guarded
    def render() -> None:
        found = error("not-a-file", said("'{name}' is not a plain file.", name="x"), where="x")
        reason = said("{first} (and {count} more)", first=found.message, count=2)
        raise InputError(reason, findings=[found], where="data.yaml:3", next=said("Remove it."))

    render()


def shown(language: str) -> tuple[str, str]:
    opened = AppTest.from_function(page)
    opened.query_params["lang"] = language
    opened.run()
    assert not opened.exception
    return str(opened.error[0].value), str(opened.markdown[0].value)


def test_an_error_says_what_where_and_what_next_with_the_code_of_each_finding(
    installation: Path,
) -> None:
    said, finding = shown("en")
    assert said == "**'x' is not a plain file. (and 2 more)**  \n`data.yaml:3`  \nRemove it."
    assert "'x' is not a plain file." in finding and "`x` `not-a-file`" in finding


def test_an_error_is_said_in_the_language_of_the_page(installation: Path) -> None:
    said, finding = shown("ko")
    assert said == "**'x'이(가) 일반 파일이 아닙니다. (외 2건)**  \n`data.yaml:3`  \n지우세요."
    assert "'x'이(가) 일반 파일이 아닙니다." in finding and "`not-a-file`" in finding
