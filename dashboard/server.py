"""The dashboard's server: Streamlit's own, with the guard in front of all that it answers.

``streamlit run`` finds ``app`` in this file. See docs/security.md for what is refused.
"""

from __future__ import annotations

from pathlib import Path

from starlette.middleware import Middleware
from streamlit import config
from streamlit.starlette import App

from pipeline.access.guard import Guard
from pipeline.access.hosts import LOOPBACK, allowed_hosts, parse_hosts
from pipeline.core.hiding import hide_in_logs
from pipeline.core.settings import load_settings

SCRIPT = Path(__file__).with_name("app.py")
# A page asks nothing of any other server. Streamlit draws with styles and code of its own making;
# workers of charts, pictures and downloads that were made in the browser are blobs.
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)


def _guard() -> Middleware:
    listens_on = config.get_option("server.address") or LOOPBACK
    return Middleware(
        Guard,
        hosts=allowed_hosts(listens_on, parse_hosts(load_settings().allowed_hosts)),
        variable="SLIPWAY_ALLOWED_HOSTS",
        content_policy=CONTENT_POLICY,
    )


hide_in_logs()
app = App(SCRIPT, middleware=[_guard()])
