"""Every text of pages, and of the core on them, has a translation.

``SLIPWAY_REGENERATE=1`` takes over what changed.

It adds new texts to the ``.po`` files for somebody to translate, drops those that are gone, and
compiles the ``.mo`` files that gettext reads.
"""

from __future__ import annotations

import io
import os
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from streamlit.testing.v1 import AppTest

import pipeline
from dashboard import i18n
from pipeline.core.cfg.schema import GROUPS, SCHEMA, UNUSED_GROUPS

ROOT = Path(i18n.__file__).parent
CORE = Path(pipeline.__file__).parent
STEPS = CORE.with_name("step_images")
FOREIGN = [code for code in i18n.LANGUAGES if code != "en"]
METHODS = [("**.py", "python")]
TEXTS = {"tr": None, "tr_text": None, "marked": None}
COUNTS = {"plural": {2: (2,), 3: (2, 3)}}  # by how many arguments there are: the noun, or both
_WHEN = datetime(2026, 11, 25, tzinfo=UTC)


def texts() -> list[str | tuple[str, str]]:
    """Give what pages say and show, in the order of the files, each once; of a count two."""
    found: list[str | tuple[str, str]] = [
        said for said in extracted(TEXTS) if isinstance(said, str)
    ]
    found += [title for name, title in GROUPS.items() if name not in UNUSED_GROUPS]
    found += [entry.help for entry in SCHEMA.values() if entry.group not in UNUSED_GROUPS]
    for said in extracted(COUNTS):
        noun, nouns = (said, f"{said}s") if isinstance(said, str) else said
        found.append((f"{{count:,}} {noun}", f"{{count:,}} {nouns}"))
    for root in (CORE, STEPS):
        found += [text for text in extracted({"said": None}, root) if isinstance(text, str)]
    return list(dict.fromkeys(found))


def extracted(keywords: Any, root: Path = ROOT) -> list[Any]:
    return [said for _, _, said, _, _ in extract_from_dir(root, METHODS, keywords=keywords)]


def file_of(language: str, kind: str) -> Path:
    return i18n.LOCALE / language / "LC_MESSAGES" / f"{i18n.DOMAIN}.{kind}"


def catalog_of(language: str) -> Catalog:
    with open(file_of(language, "po"), "rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def regenerate(language: str) -> None:
    known = {message.id: message.string for message in catalog_of(language)}
    new = Catalog(
        language, project="Slipway", charset="utf-8", creation_date=_WHEN, revision_date=_WHEN
    )
    new.fuzzy = False
    for text in texts():
        flags = ("python-brace-format",) if "{" in str(text) else ()
        new.add(text, known.get(text, ""), flags=flags)
    with open(file_of(language, "po"), "wb") as file:
        write_po(file, new, width=0)
    file_of(language, "mo").write_bytes(compiled(catalog_of(language)))


@pytest.fixture(params=FOREIGN)
def language(request: pytest.FixtureRequest) -> str:
    if os.environ.get("SLIPWAY_REGENERATE"):
        regenerate(request.param)
    return str(request.param)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_translated_and_no_other(language: str) -> None:
    catalog = catalog_of(language)
    translated = {message.id for message in catalog if message.id and any(strings_of(message))}
    assert translated == set(texts())


def test_translations_name_the_same_values(language: str) -> None:
    for message in catalog_of(language):
        for translated in strings_of(message) if message.id else ():
            one = message.id if isinstance(message.id, str) else message.id[0]
            assert fields(translated) == fields(one), message.id


def strings_of(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def test_what_gettext_reads_is_what_is_written(language: str) -> None:
    assert file_of(language, "mo").read_bytes() == compiled(catalog_of(language))


def app() -> None:
    from dashboard import language
    from dashboard.widgets.formats import plural

    language.choose()
    import streamlit as st

    from dashboard.i18n import tr

    st.write(f"{tr('Runs')} {plural(2, 'image')} {tr('a text without translation')}")


def said(page: AppTest) -> str:
    page.run()
    assert not page.exception
    return str(page.markdown[0].value)


def test_the_url_chooses_the_language_and_keeps_it(installation: Path) -> None:
    page = AppTest.from_function(app)
    assert said(page) == "Runs 2 images a text without translation"
    page.query_params["lang"] = "ko"
    assert said(page) == "실행 목록 이미지 2장 a text without translation"
    del page.query_params["lang"]
    assert said(page).startswith("실행 목록")
    page.query_params["lang"] = "xx"
    assert said(page).startswith("실행 목록")


def test_what_the_core_says_is_translated_with_all_that_it_names(installation: Path) -> None:
    def core() -> None:
        import streamlit as st

        from dashboard import language
        from dashboard.i18n import tr_said
        from pipeline.core.said import said

        language.choose()
        why = said("cannot be decoded ({reason})", reason="*{x}*")
        st.write(tr_said(said("the image {mistake}; the training leaves it out.", mistake=why)))
        st.write(tr_said("*plain*"))

    page = AppTest.from_function(core)
    page.query_params["lang"] = "ko"
    page.run()
    assert not page.exception
    shown = [str(part.value) for part in page.markdown]
    damaged = "학습에서 제외되는 이미지입니다\\: 디코딩할 수 없음(\\*{x}\\*)."
    assert shown == [damaged, "\\*plain\\*"]


def test_the_last_choice_of_a_user_is_remembered(installation: Path) -> None:
    def choose_korean() -> None:
        from dashboard.language import choose, remember

        choose()
        remember("ko")

    AppTest.from_function(choose_korean).run()
    assert said(AppTest.from_function(app)).startswith("실행 목록")
