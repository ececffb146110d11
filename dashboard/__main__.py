"""Start the dashboard's server: ``python -m dashboard``, with any option of ``streamlit run``."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from streamlit.web.cli import main

from dashboard.preload import preload

SERVER = Path(__file__).with_name("server.py")

if __name__ == "__main__":
    threading.Thread(target=preload, name="preload", daemon=True).start()
    main(["run", str(SERVER), *sys.argv[1:]], prog_name="streamlit")
