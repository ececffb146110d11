"""Start the dashboard's server: ``python -m dashboard``, with any option of ``streamlit run``."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

from streamlit.web.cli import main

from dashboard.preload import preload

SERVER = Path(__file__).with_name("server.py")


def serve(options: list[str]) -> NoReturn:
    """Serve until a signal ends it, and leave at once.

    Pages that threads still draw are for nobody then. Python would wait for them, while they write
    tracebacks about the closed loop, and aborts where one holds stderr at the wrong moment.
    """
    threading.excepthook = _told
    try:
        main(["run", str(SERVER), *options], prog_name="streamlit")
    except SystemExit as asked:
        code = asked.code
    else:
        code = 0
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _told(raised: threading.ExceptHookArgs) -> None:
    """Tell what a thread raised, but not that a page found the loop closed under it."""
    if raised.exc_type is not RuntimeError or str(raised.exc_value) != "Event loop is closed":
        threading.__excepthook__(raised)


if __name__ == "__main__":
    threading.Thread(target=preload, name="preload", daemon=True).start()
    serve(sys.argv[1:])
