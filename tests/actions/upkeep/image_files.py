"""What images are made of, and running programs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = {
    "light": ROOT / "step_images/light/Dockerfile",
    "yolo": ROOT / "step_images/yolo/Dockerfile",
    "dashboard": ROOT / "Dockerfile",
}
PINS = {
    "light": ROOT / "step_images/light/requirements.txt",
    "yolo": ROOT / "step_images/yolo/requirements.txt",
    "dashboard": ROOT / "requirements-dashboard.txt",
}


def read_pins(path: Path) -> dict[str, str]:
    """Give the pinned versions of a file of requirements, by package, for these images."""
    entries = [
        Requirement(line.partition("#")[0])
        for line in path.read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    ]
    linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    return {
        canonicalize_name(entry.name): str(entry.specifier).removeprefix("==")
        for entry in entries
        if entry.marker is None or entry.marker.evaluate(linux)
    }


def output(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a program that must succeed, and give what it printed."""
    answer = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, f"{words}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout
