"""Which function adds the steps of which kind of launch."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.workflow.kinds import build, test, train
from pipeline.workflow.kinds.adding import Add, Given

STEPS_OF: dict[str, Callable[[Add, Given], None]] = {
    "train": train.add_steps,
    "test": test.add_steps,
    "build": build.add_steps,
}
