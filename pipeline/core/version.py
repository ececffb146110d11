"""Which Slipway this is."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
_ROOT = Path(__file__).resolve().parents[2]


@cache
def code_version() -> str:
    """Give the version, with the commit when Slipway runs out of a checkout.

    An image has no checkout; its build sets ``SLIPWAY_CODE_VERSION``.
    """
    stated = os.environ.get("SLIPWAY_CODE_VERSION", "")
    if stated or not (_ROOT / ".git").exists():
        return stated or VERSION
    try:
        answer = subprocess.run(
            ["git", "-C", str(_ROOT), "rev-parse", "--short=10", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git on this machine
        return VERSION
    commit = answer.stdout.strip()
    return f"{VERSION}+{commit}" if answer.returncode == 0 and commit else VERSION
