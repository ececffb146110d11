"""What works on this installation, what does not, and what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.core.addresses import shown
from pipeline.core.errors import SlipwayError
from pipeline.core.version import code_version
from pipeline.engines.base import Engine

_ROOT = Path(__file__).resolve().parents[3]
_LEAST_FREE_GB = 1.0
_PIN = re.compile(r"^[A-Za-z0-9._\[\]-]+==\S")
_NAMED = ("kfp", "mlflow", "streamlit", "torch", "ray")


def examine(here: Installation) -> dict[str, Any]:
    """Run all checks; none of them changes anything.

    Returns
    -------
    dict
        ``ok`` and ``checks``, each with ``name``, ``ok``, ``detail`` and ``next``.
    """
    checks: dict[str, Callable[[], str]] = {
        "python": _python,
        "packages": _packages,
        "volume": partial(_volume, here),
        "state": partial(_state, here),
        **_engines(here),
        "tracking": lambda: here.tracking.check(),
        "gpu": _gpu,
    }
    found = [_checked(name, check) for name, check in checks.items()]
    return {"ok": all(entry["ok"] for entry in found), "checks": found}


def _checked(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "detail": shown(check()), "next": ""}
    except SlipwayError as reason:
        return {"name": name, "ok": False, "detail": reason.message, "next": reason.next}
    except OSError as reason:
        detail = shown(f"{reason.filename or name}: {reason.strerror or reason}.")
        return {"name": name, "ok": False, "detail": detail, "next": "See to the file or disk."}


def _python() -> str:
    if sys.version_info[:2] != (3, 11):
        raise SlipwayError(
            f"Python {sys.version.split()[0]} is not 3.11.", next="Start with ./run.sh."
        )
    return f"Python {sys.version.split()[0]}, Slipway {code_version()}."


def _packages() -> str:
    """Compare what is installed with the pins."""
    wrong = []
    for name, wanted in _pins().items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if installed.partition("+")[0] != wanted:
            wrong.append(f"{name} is {installed}, not {wanted}")
    if wrong:
        raise SlipwayError(f"{'; '.join(wrong[:10])}.", next="Start ./run.sh, which installs them.")
    return ", ".join(f"{name} {_installed(name)}" for name in _NAMED) + "."


def _volume(here: Installation) -> str:
    if not here.settings.volume.is_dir():
        raise SlipwayError(
            f"{here.settings.volume} is no folder.",
            next=f"Run 'slipway sample {here.settings.volume}', or set SLIPWAY_VOLUME.",
        )
    return _writable(here.settings.volume, "SLIPWAY_VOLUME")


def _state(here: Installation) -> str:
    state = here.settings.state
    existing = next(path for path in (state, *state.parents) if path.exists())
    return _writable(existing, "SLIPWAY_STATE")


def _writable(folder: Path, setting: str) -> str:
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise SlipwayError(f"{folder} cannot be written.", next=f"Set {setting} to another folder.")
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < _LEAST_FREE_GB:
        raise SlipwayError(
            f"{folder} has {free_gb:.1f} GB left.", next="Delete runs or move to a larger disk."
        )
    return f"{folder}, {free_gb:,.0f} GB free."


def _engines(here: Installation) -> dict[str, Callable[[], str]]:
    """Give the checks of every engine that is offered; ``engine`` is the one launches go to."""
    names = sorted(here.settings.engines, key=lambda name: name != here.settings.engine)
    engines = [here.engine(name) for name in names]
    checks: dict[str, Callable[[], str]] = {}
    for engine in engines:
        title = "engine" if engine.name == here.settings.engine else f"engine {engine.name}"
        checks[title] = partial(_engine, engine)
    for engine in engines:
        checks |= engine.checks()
    return checks


def _engine(engine: Engine) -> str:
    said = engine.health()
    page = engine.list_runs(limit=1)
    last = f", last run {page.runs[0].launch or page.runs[0].id}" if page.runs else ", no runs yet"
    return f"{said}{last}."


def _gpu() -> str:
    """Say which GPUs there are; none is no mistake."""
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return "none found; runs use the CPU."
    except subprocess.TimeoutExpired as reason:
        raise SlipwayError("nvidia-smi does not answer.", next="Look at the driver.") from reason
    if answer.returncode != 0:
        raise SlipwayError(
            f"nvidia-smi says: {answer.stdout.strip() or answer.stderr.strip()}",
            next="Look at the driver.",
        )
    return f"{len(answer.stdout.strip().splitlines())} found."


def _pins() -> dict[str, str]:
    from packaging.requirements import Requirement

    path = _ROOT / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pinned = [Requirement(line.partition("#")[0]) for line in lines if _PIN.match(line)]
    return {
        entry.name: str(entry.specifier).removeprefix("==").partition("+")[0]
        for entry in pinned
        if entry.marker is None or entry.marker.evaluate()
    }


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
