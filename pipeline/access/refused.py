"""What somebody reads whose request was refused: why, and how to allow it."""

from __future__ import annotations

from html import escape

from pipeline.access.hosts import parse_host
from pipeline.access.requests import Refusal

_MOST_LETTERS = 200
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Not answered</title><style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 40rem; margin: 15vh auto; padding: 0 1rem; }}
body {{ font: 16px/1.55 system-ui, sans-serif; }}
h1 {{ font-size: 1.4rem; }} code {{ overflow-wrap: anywhere; }}
pre {{ padding: .7rem 1rem; border: 1px solid #8884; border-radius: 6px; white-space: pre-wrap; }}
</style></head><body><h1>{title}</h1><p>{why}</p>{allow}
<p>If you did not mean to come here, close this page: another site may have sent you.</p>
</body></html>
"""


def sentence_of(refused: Refusal, variable: str) -> str:
    """Say in a line why a request was refused and what to do."""
    why = _why(refused)
    name = _name(refused)
    allow = (
        f" If it is meant to, start it with {variable}={name} (docs/security.md)." if name else ""
    )
    return f"{why}{allow}\n"


def page_of(refused: Refusal, variable: str) -> str:
    """Give the same as a page; nothing of the request is in it unescaped."""
    name = _name(refused)
    allow = (
        f"<p>If it is meant to &ndash; a proxy in front, or another name of this machine &ndash; "
        f"add the name where it is started; several go with commas between:</p>"
        f"<pre><code>{escape(variable)}={escape(name)}</code></pre>"
    )
    titles = {"host": "This server does not go by that name"}
    return _PAGE.format(
        title=titles.get(refused.kind, "This server answers to its own pages only"),
        why=escape(_why(refused)),
        allow=allow if name else "",
    )


def _why(refused: Refusal) -> str:
    shown = "".join(filter(str.isprintable, refused.value))[:_MOST_LETTERS]
    if refused.kind == "host":
        return f"'{shown}' is not a name that this server was started for."
    if refused.kind == "page":
        return f"A page of another origin ('{shown}') asked for this; it is refused."
    return (
        "Nothing shows that this change does not come from a foreign page: send it as JSON, "
        "or with the Origin of a page of this server."
    )


def _name(refused: Refusal) -> str:
    """Give what would have to be allowed; empty where nothing could be."""
    host = parse_host(refused.value.lower().partition("://")[2] or refused.value)
    if host is None or refused.value in ("cross-site", "same-site"):
        return ""
    bare = f"[{host.name}]" if ":" in host.name else host.name
    if refused.kind == "page" and host.port:
        return f"{bare}:{host.port}"
    return bare
