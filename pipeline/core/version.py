"""Which Slipway this is."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
_ROOT = Path(__file__).resolve().parents[2]
# What images are built from; .dockerignore lets nothing else in.
_CODE = (
    *("pipeline", "step_images", "dashboard", "configs/sample", ".streamlit"),
    *("tools/slipway", "Dockerfile", ".dockerignore", "requirements-dashboard.txt"),
)


@cache
def code_version() -> str:
    """Give the version, with the commit that last changed the code when there is a checkout.

    Code that differs from that commit adds a digest of itself: two states of a checkout never bear
    the same name. An image has no checkout; its build sets ``SLIPWAY_CODE_VERSION``.
    """
    stated = os.environ.get("SLIPWAY_CODE_VERSION", "")
    if stated or not (_ROOT / ".git").exists():
        return stated or VERSION
    commit = _git("log", "-1", "--abbrev=10", "--format=%h", "--", *_CODE).strip()
    if not commit:
        return VERSION
    changed = _git("status", "--porcelain", "-z", "--untracked-files=all", "--", *_CODE)
    return f"{VERSION}+{commit}{f'.{_digest()}' if changed else ''}"


def image_name(image: str) -> str:
    """Name the image of this code, such as ``slipway-light:0.1.0-3f2ab81c90``.

    A tag says the version as `code_version` does; it may not have a plus sign.
    """
    return f"slipway-{image}:{code_version().replace('+', '-')}"


def _git(*words: str) -> str:
    """Ask git about the checkout; empty when it cannot be asked."""
    command = ["git", "-C", str(_ROOT), "--no-optional-locks", *words]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):  # no git on this machine
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def _digest() -> str:
    """Digest names and bytes of the code's files, as git sees them: ignored ones do not count."""
    names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_CODE)
    digest = hashlib.sha256()
    for name in sorted(set(filter(None, names.split("\0")))):
        path = _ROOT / name
        content = path.read_bytes() if path.is_file() else b"(deleted)"
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:8]
