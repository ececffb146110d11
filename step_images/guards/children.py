"""The processes that Ultralytics starts for several GPUs have the guards, too."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

# In the program that Ultralytics writes for them: behind the loading of its own state, which is no
# file of weights, and before it opens anything else.
_BEFORE = "    cfg = DEFAULT_CFG_DICT.copy()\n"
_GUARD = "    from step_images.guards import guard\n\n    guard()\n"


def guard_children() -> None:
    """Put the guards into the program that each of these processes runs."""
    from ultralytics.utils import dist

    generate = dist.generate_ddp_file
    if hasattr(generate, "guards"):
        return

    @functools.wraps(generate)
    def guarded(trainer: Any) -> str:
        program = Path(generate(trainer))
        text = program.read_text(encoding="utf-8")
        if text.count(_BEFORE) != 1:
            raise RuntimeError("Ultralytics starts its processes in a way that is not known here")
        program.write_text(text.replace(_BEFORE, _GUARD + _BEFORE), encoding="utf-8")
        return str(program)

    guarded.guards = generate  # type: ignore[attr-defined]
    dist.generate_ddp_file = guarded
