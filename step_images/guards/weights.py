"""Nothing in a step's process unpickles weights before their pickle was read as data.

`guard_weights` stands before ``torch.load``, through which Ultralytics opens every checkpoint: the
model, ``pretrained``, ``distill_model``, and what a training wrote itself. What is read is the very
file that is then loaded, even if another one is put in its place meanwhile; and should torch read
it differently, its pickle finds no other names (`step_images.guards.unpickler`).
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Mapping
from typing import Any

from pipeline.core.settings import load_settings
from pipeline.core.weights.check import require_sound
from step_images.guards.unpickler import safe_pickle


def guard_weights() -> None:
    """Make ``torch.load`` refuse, in this process and those forked from it, what is not sound.

    Calling it again changes nothing. Where this installation lets weights use more
    (``SLIPWAY_WEIGHTS_ALLOW``), it does so here too.
    """
    import torch

    if hasattr(torch.load, "guards"):
        return
    load, allow = torch.load, load_settings().weights_allow
    pickle = safe_pickle(allow)

    @functools.wraps(load)
    def guarded(f: Any, map_location: Any = None, pickle_module: Any = None, **options: Any) -> Any:
        if pickle_module is None and options.get("weights_only") is None:
            options["weights_only"] = True  # torch's default, whatever the environment says
        if not _is_restricted(options):  # else torch has an unpickler of its own
            pickle_module, options["weights_only"] = pickle, False
        if not isinstance(f, (str, os.PathLike)):
            _require_sound_rest(f, allow)
            return load(f, map_location, pickle_module, **options)
        with open(f, "rb") as file:
            require_sound(file, os.fspath(f), allow)
            file.seek(0)
            from_path = f if options.get("mmap") else file
            return load(from_path, map_location, pickle_module, **options)

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


def _is_restricted(options: Mapping[str, Any]) -> bool:
    """Say whether torch finds no names but its own: as the caller wants, or the environment."""
    forced = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0").lower()
    return bool(options.get("weights_only")) or forced in ("1", "y", "yes", "true")


def _require_sound_rest(file: Any, allow: tuple[str, ...]) -> None:
    """Look at an open file from where it stands, which is where torch begins to read."""
    start = file.tell()
    name = str(getattr(file, "name", "what was opened"))
    require_sound(file if start == 0 else io.BytesIO(file.read()), name, allow)
    file.seek(start)
