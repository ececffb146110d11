"""Whether an engine has a machine for a launch, known without keeping the form waiting."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from pipeline.actions.engines import ask, engine_of
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import Finding
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.placement import NodeCapacity, check_placement
from pipeline.core.settings import Settings
from pipeline.engines.base import Engine

_WAIT_S = 0.2
_FRESH_S = 30.0
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nodes")


@dataclass(frozen=True)
class _Asked:
    at: float
    answer: Future[tuple[NodeCapacity, ...]]


_asked: dict[Engine, _Asked] = {}


def placement_findings(settings: Settings, choices: Choices) -> list[Finding]:
    """Find what no node has; nothing while the nodes cannot be, or are not yet, known."""
    engine = engine_of(settings)
    asked = _asked.get(engine)
    if asked is None or (asked.answer.done() and time.monotonic() > asked.at + _FRESH_S):
        asked = _Asked(time.monotonic(), _threads.submit(ask, engine, engine.nodes))
        _asked[engine] = asked
    try:
        return check_placement(choices, asked.answer.result(_WAIT_S))
    except (NotYet, SlipwayError):
        return []  # the engine says it itself when the run is submitted or waits
