from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dashboard.i18n import tr, tr_text
from dashboard.plain import Markdown, code, joined, plain, web_address

COMMONMARK = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NOTHING = ":small[]"  # Streamlit's directive for small text, here without one
LETTERS = st.sampled_from([*"\\`*_[]()<>#~|:&!^{}$-+=.1@/ \n\tax가", "http://", "www.", "&lt;"])
TEXTS = st.lists(LETTERS, max_size=24).map("".join)
# What Streamlit does to texts when backslashes are gone: links, pictures, arrows.
LATER = re.compile(
    r"https?://|www\.\w|[-.\w+]@[-\w]|:[\w+-]+:|:material/"
    r"|(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
    re.I,
)


def shown(markdown: str) -> str:
    """Give what a reader of Markdown sees as the text of one paragraph."""
    rendered = COMMONMARK.render(markdown).replace(NOTHING, "").strip()
    inside = re.fullmatch(r"<p>(.*)</p>", rendered, re.S)
    return html.unescape(inside[1] if inside else rendered)


@given(TEXTS)
def test_a_text_is_shown_as_it_is(text: str) -> None:
    assert shown(plain(text)) == " ".join(text.split())


@given(TEXTS)
def test_nothing_is_left_that_streamlit_replaces_later(text: str) -> None:
    read = COMMONMARK.render(plain(text))[3:-5]
    for node in re.split(re.escape(NOTHING), html.unescape(read)):
        assert not LATER.search(node)


@given(TEXTS)
def test_a_text_within_our_markdown_ends_nothing_of_ours(text: str) -> None:
    said = f":gray[{plain(text)} {code(text)}] done".replace(NOTHING, "")
    assert re.sub(r"\\.", "", said).endswith("] done")
    assert re.sub(r"\\.", "", said).count("]") == 1


@given(TEXTS)
def test_code_is_one_span_with_the_whole_text(text: str) -> None:
    line = re.sub(r"[ \n\t]+", " ", text)
    rendered = COMMONMARK.render(f"a {code(text)} b")
    if line.strip() and not re.search(r"[\[\]]|:material/", line):
        assert html.unescape(rendered) == f"<p>a <code>{line}</code> b</p>\n"
    else:
        assert "<code>" not in rendered


@pytest.mark.parametrize(
    "text", ["lr0_warm_up", "bus (1).jpg", "실행 3번", "a.b-c+d", "50%", "x, y; z!", "v1.2/w"]
)
def test_ordinary_texts_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


def test_what_is_markdown_already_stays() -> None:
    bold = Markdown("**bold**")
    assert plain(bold) == tr("{it}", it=bold) == "**bold**"
    assert plain(plain("a*b")) == r"a\*b"


def test_letters_that_turn_the_page_around_become_their_number() -> None:
    assert plain("cfg\u202elmay.exe") == "cfg⟨U+202E⟩lmay.exe"
    assert code("a\x00b") == "`a⟨U+0000⟩b`"


def test_a_name_that_is_no_utf_8_can_be_shown() -> None:
    assert plain("a\udcff.jpg") == r"a\\udcff.jpg"


def test_texts_for_people_escape_their_values() -> None:
    assert tr("Run {name}", name="[a](http://b)").startswith(r"Run \[a\](http\:")
    assert tr("{count:,} of {share:+.1f}", count=1234, share=-0.5) == "1,234 of -0.5"
    assert tr_text("only {name}", name="[a](http://b)") == "only [a](http://b)"


def test_empty_parts_are_not_joined() -> None:
    assert joined(" · ", [plain("a"), Markdown(), plain("*")]) == r"a · \*"


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        *(("http://mlflow.lab:5000/#/x", True), ("https://a.example", True)),
        *(("javascript:alert(1)", False), ("data:text/html,x", False), ("//evil.example", False)),
        *(("http:", False), ("file:///etc/passwd", False), ("http://[", False), ("", False)),
        (" javascript:alert(1)", False),
    ],
)
def test_only_web_servers_are_linked_to(url: str, is_link: bool) -> None:
    assert web_address(url) == (url if is_link else "")
