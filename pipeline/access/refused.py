"""What somebody reads whose request was refused: why, and how to allow it."""

from __future__ import annotations

from html import escape

from pipeline.access.hosts import Host, parse_host
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
</style></head><body><h1>{title}</h1><p>{why}</p>
<p>If you did not mean to come here, close this page: another site may have sent you.</p>{allow}
</body></html>
"""
_ALLOW = """
<p>Only if the name is yours &ndash; a proxy in front of this server, or another name of its machine
&ndash; add it where the server is started; several names go with commas between:</p>
<pre><code>{variable}={name}</code></pre>"""
_TITLES = {"host": "This server does not go by that name"}
_OTHER_TITLE = "This server answers to its own pages only"


def sentence_of(refused: Refusal, variable: str) -> str:
    """Say in a line why a request was refused and what to do."""
    why, name = _why(refused), _name(refused)
    if not name:
        return f"{why}\n"
    return f"{why} If that name is yours, start it with {variable}={name} (docs/security.md).\n"


def page_of(refused: Refusal, variable: str) -> str:
    """Give the same as a page; nothing of the request is in it unescaped."""
    name = _name(refused)
    return _PAGE.format(
        title=_TITLES.get(refused.kind, _OTHER_TITLE),
        why=escape(_why(refused)),
        allow=_ALLOW.format(variable=escape(variable), name=escape(name)) if name else "",
    )


def _why(refused: Refusal) -> str:
    shown = "".join(filter(str.isprintable, refused.value))[:_MOST_LETTERS]
    if refused.kind == "host" and not shown:
        return "The request names no host, or two."
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
    scheme, _, rest = refused.value.lower().rpartition("://")
    host = parse_host(rest)
    if host is None or scheme not in ("", "http", "https"):
        return ""
    is_a_page = refused.kind == "page"
    if is_a_page and (not scheme or host.name == "localhost" or _is_loopback(host)):
        return ""  # another server of this machine is nobody to be trusted for its place
    bare = f"[{host.name}]" if ":" in host.name else host.name
    if is_a_page and host.port:
        return f"{bare}:{host.port}"
    return bare


def _is_loopback(host: Host) -> bool:
    return host.address is not None and host.address.is_loopback
