"""Puts pip into an environment whose Python came without it (Debian splits ensurepip off).

Only the standard library: takes pip's wheel from the package index, checks its digest, and lets it
install itself.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

WHEEL = "pip-25.3-py3-none-any.whl"
PYPI = "https://pypi.org/simple"
CONFIGS = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")


def index_url() -> str:
    """Give the package index as pip itself would find it: environment, files, PyPI."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([Path(name).expanduser() for name in CONFIGS])
    configured = config.get("global", "index-url", fallback=PYPI)
    return os.environ.get("PIP_INDEX_URL") or configured


def find_wheel(index: str) -> tuple[str, str]:
    """Give address and SHA-256 of pip's wheel from the index's JSON pages (PEP 691)."""
    page = f"{index.rstrip('/')}/pip/"
    request = urllib.request.Request(
        page, headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        document = json.load(response)
    for entry in document["files"]:
        if entry["filename"] == WHEEL:
            return urljoin(page, entry["url"]), entry["hashes"]["sha256"]
    raise SystemExit(f"{page} does not offer {WHEEL}; install python3.11-venv and start again.")


def main() -> None:
    """Download the wheel and install it with itself."""
    url, digest = find_wheel(index_url())
    with urllib.request.urlopen(url, timeout=60) as response:
        content = response.read()
    if hashlib.sha256(content).hexdigest() != digest:
        raise SystemExit(f"{url} is not what the index promised; try again.")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, WHEEL)
        wheel.write_bytes(content)
        subprocess.run([sys.executable, f"{wheel}/pip", "install", "--quiet", wheel], check=True)


if __name__ == "__main__":
    main()
