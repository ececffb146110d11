"""Where a step works: a new, empty directory of its own, which nothing is imported from.

What a library writes beside it goes there, and away with it. The program itself is found where it
was started; whatever it starts finds the code by PYTHONPATH and looks nowhere else.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.settings import SETTINGS, Settings

CODE = Path(__file__).resolve().parents[1]
_URI = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"


@contextmanager
def own_directory(settings: Settings) -> Iterator[Path]:
    """Work in a directory of the step's own until the end.

    Settings that are relative to where the step was started keep their meaning.
    """
    before = os.getcwd()
    _pin(settings)
    entries = [CODE, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(os.path.abspath(entry) for entry in entries)
    os.environ["PYTHONSAFEPATH"] = "1"  # as -P: not from the directory that a child is started in
    # Python itself puts in where a program is started; the code need not lie there.
    places = (os.path.abspath(entry) for entry in sys.path if entry)
    sys.path[:] = [place for place in places if place != before or place == str(CODE)]
    directory = Path(tempfile.mkdtemp(prefix="slipway-step-"))
    os.chdir(directory)
    try:
        yield directory
    finally:
        os.chdir(before)
        shutil.rmtree(directory, ignore_errors=True)


def _pin(settings: Settings) -> None:
    """Make what the environment says of places independent of the working directory."""
    for entry in SETTINGS:
        text = entry.kind.text(getattr(settings, entry.name))
        if text and entry.name in ("volume", "state", "data_roots"):
            os.environ[entry.variable] = text
    file = os.environ.get("SLIPWAY_SETTINGS") or "slipway.yaml"
    if os.path.exists(file):
        os.environ["SLIPWAY_SETTINGS"] = os.path.abspath(file)
    uri = settings.tracking_uri
    path = uri.removeprefix(_SQLITE)
    if path and not path.startswith("/") and (uri.startswith(_SQLITE) or ":" not in uri):
        os.environ[_URI] = uri[: len(uri) - len(path)] + os.path.abspath(path)
