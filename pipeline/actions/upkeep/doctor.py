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
from pipeline.core.said import Said, joined, said
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
        detail = check()
        detail = detail.over(shown) if isinstance(detail, Said) else shown(detail)
        return {"name": name, "ok": True, "detail": detail, "next": ""}
    except SlipwayError as reason:
        return {"name": name, "ok": False, "detail": reason.message, "next": reason.next}
    except OSError as reason:
        detail = shown(f"{reason.filename or name}: {reason.strerror or reason}.")
        return {
            "name": name,
            "ok": False,
            "detail": detail,
            "next": said("See to the file or disk."),
        }


def _python() -> str:
    if sys.version_info[:2] != (3, 11):
        raise SlipwayError(
            said("Python {version} is not 3.11.", version=sys.version.split()[0]),
            next=said("Start with ./run.sh."),
        )
    return f"Python {sys.version.split()[0]}, Slipway {code_version()}."


def _packages() -> str:
    """Compare what is installed with the pins."""
    wrong = []
    for name, wanted in _pins().items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            wrong.append(said("{name} is missing", name=name))
            continue
        if installed.partition("+")[0] != wanted:
            wrong.append(
                said(
                    "{name} is {installed}, not {wanted}",
                    name=name,
                    installed=installed,
                    wanted=wanted,
                )
            )
    if wrong:
        raise SlipwayError(joined(wrong[:10]), next=said("Start ./run.sh, which installs them."))
    return ", ".join(f"{name} {_installed(name)}" for name in _NAMED) + "."


def _volume(here: Installation) -> str:
    if not here.settings.volume.is_dir():
        raise SlipwayError(
            said("{folder} is no folder.", folder=here.settings.volume),
            next=said(
                "Run 'slipway sample {folder}', or set SLIPWAY_VOLUME.",
                folder=here.settings.volume,
            ),
        )
    return _writable(here.settings.volume, "SLIPWAY_VOLUME")


def _state(here: Installation) -> str:
    state = here.settings.state
    existing = next(path for path in (state, *state.parents) if path.exists())
    return _writable(existing, "SLIPWAY_STATE")


def _writable(folder: Path, setting: str) -> str:
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise SlipwayError(
            said("{folder} cannot be written.", folder=folder),
            next=said("Set {setting} to another folder.", setting=setting),
        )
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < _LEAST_FREE_GB:
        raise SlipwayError(
            said("{folder} has {free_gb:.1f} GB left.", folder=folder, free_gb=free_gb),
            next=said("Delete runs or move to a larger disk."),
        )
    return said("{folder}, {free_gb:,.0f} GB free.", folder=folder, free_gb=free_gb)


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
    health = engine.health()
    runs = engine.list_runs(limit=1).runs
    if not runs:
        return said("{health}, no runs yet.", health=health)
    return said("{health}, last run {name}.", health=health, name=runs[0].launch or runs[0].id)


def _gpu() -> str:
    """Say which GPUs there are; none is no mistake."""
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except FileNotFoundError:
        return said("none found; runs use the CPU.")
    except subprocess.TimeoutExpired as reason:
        raise SlipwayError(
            said("nvidia-smi does not answer."), next=said("Look at the driver.")
        ) from reason
    if answer.returncode != 0:
        raise SlipwayError(
            said("nvidia-smi says: {text}", text=answer.stdout.strip() or answer.stderr.strip()),
            next=said("Look at the driver."),
        )
    return said("{count} found.", count=len(answer.stdout.strip().splitlines()))


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
