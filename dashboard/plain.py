"""Texts that we did not write, made safe for what shows them: Markdown, or a link.

Streamlit renders Markdown nearly everywhere, in labels and tooltips, too. A name, a note or a URL
parameter goes through `plain` or `code` on its way there; `dashboard.i18n.tr` sees to its values.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit


class Markdown(str):
    """Markdown of our own making, in which every text from elsewhere is escaped already."""

    __slots__ = ()


# An underscore within a word is none.
_MARKS = re.compile(r"([\\`*\[\]$<>#~|:&]|(?<![^\W_])_|_(?![^\W_]))")
_FIRST = re.compile(r"^( ?)(?:([-+=])|(\d+)([.)](?=\s|$)))")  # lists and headings begin like this
_SPACE = re.compile(r"[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")  # no line begins, none is indented
# They turn around what follows them on the page, or show nothing at all.
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# What Streamlit replaces when backslashes are gone already. An element that shows nothing comes
# between; unlike an invisible letter it does not get into what is copied from the page.
_NOTHING = ":small[]"
_REPLACED = re.compile(
    r"""(?<=:)(?=//)                               # http://x: a link
    | (?<=www)(?=\.)                               # www.x: a link
    | (?<=[-.\w+])(?=@[-\w])                       # a@x: a link
    | (?<=:)(?=[\w+-]+[:/])                        # :smile: :material/key: :streamlit:: pictures
    | (?<!\S[<>~-])(?<=[<>~-])(?=[<>=-]+(?:\s|$))  # -> -- >=: other letters
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NO_CODE = re.compile(r"[\[\]]|:material/")


def plain(text: str, *, has_lines: bool = False) -> Markdown:
    """Give Markdown that shows a text as it is: nothing in it is formatting, picture or link.

    Line breaks become spaces unless the text has lines, which are kept; letters that turn the text
    around become their number. What is `Markdown` already stays.
    """
    if isinstance(text, Markdown):
        return text
    if has_lines:
        return Markdown("  \n".join(plain(line) for line in text.strip().splitlines()))
    parts = _REPLACED.split(_one_line(text))
    escaped = _NOTHING.join(_MARKS.sub(r"\\\1", part) for part in parts)
    return Markdown(_FIRST.sub(_escaped_first, escaped))


def code(text: str) -> Markdown:
    """Give a code span with a text, whatever backticks it has; nothing for an empty text.

    One with brackets is given by `plain`: they would end a coloured text around the span, and
    what follows them would be no code.
    """
    line = _one_line(text)
    if not line.strip() or _NO_CODE.search(line):
        return plain(text)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if "`" in line or line != line.strip() else ""
    return Markdown(f"{fence}{pad}{line}{pad}{fence}")


def joined(separator: str, parts: list[Markdown]) -> Markdown:
    """Join what is Markdown with a separator of ours, leaving out what is empty."""
    return Markdown(separator.join(part for part in parts if part))


def web_address(url: str) -> str:
    """Give an address that may be a link: of a web server; nothing for any other."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _one_line(text: str) -> str:
    readable = text.encode("utf-8", "backslashreplace").decode()  # a name may be no UTF-8
    return _CONTROL.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", _SPACE.sub(" ", readable))


def _escaped_first(found: re.Match[str]) -> str:
    space, mark, digits, dot = found.groups()
    return f"{space}\\{mark}" if mark else f"{space}{digits}\\{dot}"
