"""Nothing in a step's process unpickles weights before their pickle was read as data.

`guard_weights` stands before ``torch.load``, through which Ultralytics opens every checkpoint: the
model, ``pretrained``, ``distill_model``, and what a training wrote itself. What is read is the very
file that is then loaded, even if another one is put in its place meanwhile.
"""

from __future__ import annotations

import functools
import io
import os
from typing import Any

from pipeline.core.settings import load_settings
from pipeline.core.weights.check import require_sound


def guard_weights() -> None:
    """Make ``torch.load`` refuse, in this process and those forked from it, what is not sound.

    Calling it again changes nothing. Where this installation lets weights use more
    (``SLIPWAY_WEIGHTS_ALLOW``), it does so here too.
    """
    import torch

    if hasattr(torch.load, "guards"):
        return
    load, allow = torch.load, load_settings().weights_allow

    @functools.wraps(load)
    def guarded(f: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(f, (str, os.PathLike)):
            _require_sound_rest(f, allow)
            return load(f, *args, **options)
        with open(f, "rb") as file:
            require_sound(file, os.fspath(f), allow)
            file.seek(0)
            return load(f if options.get("mmap") else file, *args, **options)

    guarded.guards = load  # type: ignore[attr-defined]
    torch.load = guarded


def require_sound_file(path: str, *, where: str) -> None:
    """Refuse a file that is not fit to be opened as weights; `where` names the setting.

    Raises
    ------
    InputError
        See `pipeline.core.weights.check_opened`.
    """
    with open(path, "rb") as file:
        require_sound(file, path, load_settings().weights_allow, where=where)


def _require_sound_rest(file: Any, allow: tuple[str, ...]) -> None:
    """Look at an open file from where it stands, which is where torch begins to read."""
    start = file.tell()
    name = str(getattr(file, "name", "what was opened"))
    require_sound(file if start == 0 else io.BytesIO(file.read()), name, allow)
    file.seek(start)
