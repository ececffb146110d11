"""Waiting for what other threads, processes and machines do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def until(
    ask: Callable[[], T | None],
    what: str | Path = "",
    *,
    of: subprocess.Popen[Any] | None = None,
    within_s: float = 120,
    every_s: float = 0.02,
) -> T:
    """Ask until the answer is not empty, and give it.

    Parameters
    ----------
    ask
        What is asked.
    what
        What is said when the answer stays empty; of a file, such as a log, its text.
    of
        The process that is waited for, whose end is an error.
    within_s, every_s
        How long, and how often.
    """
    give_up_at = time.monotonic() + within_s
    while not (answer := ask()):
        is_hopeless = time.monotonic() > give_up_at or (of is not None and of.poll() is not None)
        assert not is_hopeless, what.read_text() if isinstance(what, Path) else what
        time.sleep(every_s)
    return answer
